import { existsSync } from "node:fs";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KafkaCluster } from "./cluster.ts";
import type { Installation } from "./install.ts";
import { freePorts } from "./ports.ts";

/**
 * Starts a broker once for the JVM to write down the classes it loaded: later starts take half the time. When it cannot,
 * Kafka starts without.
 */
export async function prepareClassArchive(kafka: Installation, onProgress: (line: string) => void): Promise<void> {
  if (existsSync(kafka.classArchive)) return;
  onProgress("Preparing Apache Kafka to start faster (once, a few seconds) ...");
  const unfinished = `${kafka.classArchive}.${process.pid}`;
  const folder = await mkdtemp(join(tmpdir(), "millrace-kafka-"));
  const [port, controllerPort] = (await freePorts(2)) as [number, number];
  const cluster = new KafkaCluster({
    kafka,
    nodes: [{ id: 1, roles: "broker,controller", port }],
    controllerPort,
    folder,
    temporary: true,
    tuning: "start",
    settings: {},
    jvm: [`-XX:ArchiveClassesAtExit=${unfinished}`],
  });
  try {
    await cluster.start();
    await cluster.stopBroker(1);
    await rename(unfinished, kafka.classArchive);
  } catch {
    await rm(unfinished, { force: true });
  } finally {
    await cluster.stop();
  }
}
