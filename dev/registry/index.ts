/** A real schema registry for the tests: Apicurio, which speaks Confluent's interface. Keeps everything in memory. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../kafka/ports.ts";
import { KafkaServer } from "../kafka/server.ts";
import { installRegistry } from "./install.ts";

export interface LocalRegistry extends AsyncDisposable {
  readonly port: number;
  /** What `registry` of confluentAvro takes. */
  readonly url: string;
  stop(): Promise<void>;
}

const toStderr = (line: string) => void process.stderr.write(`${line}\n`);

/** Up in about 3 seconds. Ends with `stop()`, or with this process, however that ends. */
export async function startRegistry(onProgress: (line: string) => void = toStderr): Promise<LocalRegistry> {
  const jar = await installRegistry(onProgress);
  const [port] = (await freePorts(1)) as [number];
  const folder = await mkdtemp(join(tmpdir(), "millrace-registry-"));
  const jvm = ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
  const settings = [`-Dquarkus.http.host=127.0.0.1`, `-Dquarkus.http.port=${port}`];
  const args = [...jvm, ...settings, "-jar", jar];
  const server = new KafkaServer(args, join(folder, "log"), folder, "The schema registry");
  const url = `http://127.0.0.1:${port}/apis/ccompat/v7`;
  const stop = async () => {
    await server.kill();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await server.ready(() => answers(`${url}/subjects`));
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, url, stop, [Symbol.asyncDispose]: stop };
}

async function answers(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
    ({ ok }) => ok,
    () => false,
  );
}
