import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const oldestJava = 17;

/** What to do on a machine where Kafka cannot be started: the end of every error of this folder. */
export const waysOut = [
  "Or use a broker of your own:",
  "  KAFKA_BROKERS=host:port npm start                       any Kafka you can reach",
  "  docker compose -f dev/kafka/compose.yaml up -d          one in Docker, then KAFKA_BROKERS=127.0.0.1:9092",
].join("\n");

/** The `java` to use: of JAVA_HOME where it is set, else of the PATH. */
export const javaExecutable = () => (process.env.JAVA_HOME ? join(process.env.JAVA_HOME, "bin", "java") : "java");

/** The version of the Java found here, as in "17.0.15". Fails with a sentence when there is none or it is too old. */
export async function javaVersion(): Promise<string> {
  const { stderr } = await promisify(execFile)(javaExecutable(), ["-version"]).catch((error: Error) => {
    throw new Error(
      `Apache Kafka needs Java ${oldestJava} or newer, and "${javaExecutable()}" does not run.\n${waysOut}`,
      {
        cause: error,
      },
    );
  });
  const version = /version "([^"]+)"/.exec(stderr)?.[1] ?? "unknown";
  if (Number.parseInt(version, 10) < oldestJava) {
    throw new Error(`Apache Kafka needs Java ${oldestJava} or newer; "${javaExecutable()}" is ${version}.\n${waysOut}`);
  }
  return version;
}
