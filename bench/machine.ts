import { readFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { kafkaVersion } from "../dev/kafka/install.ts";
import { javaVersion } from "../dev/kafka/java.ts";

/** What a figure means nothing without. */
export async function machineAndVersions() {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return {
    millrace: version,
    node: process.versions.node,
    v8: process.versions.v8,
    kafka: kafkaVersion,
    java: await javaVersion(),
    machine: `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    date: new Date().toISOString(),
  };
}
