import { join } from "node:path";
import { javaExecutable } from "../../dev/kafka/java.ts";
import { filledOnce } from "./folder.ts";
import { classPath, compileJava, fetchJars, pomProperty } from "./jvm.ts";
import type { Peer } from "./peer.ts";

const here = join(import.meta.dirname, "kafka-streams");
const pom = join(here, "pom.xml");
const version = pomProperty(pom, "kafka.version");

/** Kafka Streams with exactly_once_v2: what fits it. It has no batches, and no result of a count but a running one. */
export const kafkaStreams: Peer = {
  name: "kafka-streams",
  workloads: ["words", "state", "copy"],
  codecs: ["none"],
  async prepare(onProgress) {
    const maven = await filledOnce(`kafka-streams-${version}`, async (folder) => {
      onProgress(`Fetching Kafka Streams ${version} from Maven (once, about 85 MB) ...`);
      await fetchJars(pom, folder);
    });
    const classes = join(maven, "..", "kafka-streams-classes");
    const jars = join(maven, "*");
    await compileJava([join(here, "java"), join(import.meta.dirname, "talk")], jars, classes);
    return {
      versions: { kafkaStreams: version },
      command: ({ bootstrap, topic, workload, threads, records }) => ({
        file: javaExecutable(),
        args: ["-cp", classPath(classes, jars), "Main", ...[bootstrap, topic, workload, threads, records].map(String)],
      }),
    };
  },
};
