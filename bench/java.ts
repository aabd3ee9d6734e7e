import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { installKafka } from "../dev/kafka/install.ts";
import { javaExecutable } from "../dev/kafka/java.ts";
import { javaArguments } from "../dev/kafka/server.ts";
import type { Heat } from "./contest.ts";
import { type ProcessUsage, watchProcess } from "./process-watch.ts";

const TOOL = "org.apache.kafka.tools.ConsumerPerformance";

/** Kafka's own consumer-perf tool: one thread that only takes the records. Checked to have taken them all. */
export async function runJavaConsumer({ bootstrap, topic, records }: Heat): Promise<ProcessUsage> {
  const kafka = await installKafka((line) => void process.stderr.write(`${line}\n`));
  const args = ["--bootstrap-server", bootstrap, "--topic", topic, "--num-records", String(records)];
  const tool = spawn(javaExecutable(), javaArguments(kafka, "run", TOOL, args), { stdio: ["ignore", "pipe", "pipe"] });
  const [usage, stdout, stderr] = await Promise.all([watchProcess(tool), text(tool.stdout), text(tool.stderr)]);
  if (usage.exitCode !== 0) throw new Error(`${TOOL} ended with ${usage.exitCode}:\n${stderr}${stdout}`);
  // start.time, end.time, MB, MB/s, records, ...
  const [, , , , taken] = stdout.trim().split("\n").at(-1)!.split(", ");
  if (Number(taken) !== records) throw new Error(`${TOOL} took ${taken} of ${records} records:\n${stdout}`);
  return usage;
}
