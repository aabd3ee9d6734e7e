import { parentPort, workerData } from "node:worker_threads";
import type { Workload } from "../workloads.ts";
import { LimitReader, type PartitionRange, type ReadBatches } from "./fetch.ts";
import { loops } from "./loops.ts";
import { walkBatches } from "./walk.ts";

/** One thread of the limit: reads its ranges once for each message. */

export interface LimitThreadData {
  readonly broker: { host: string; port: number };
  readonly topicId: string;
  readonly workload: Workload;
  readonly ranges: readonly PartitionRange[];
}

const { broker, topicId, workload, ranges } = workerData as LimitThreadData;
const port = parentPort!;
const readers = ranges.map((range) => new LimitReader(topicId, range));
await Promise.all(readers.map((reader) => reader.connect(broker)));
port.on("message", async (message: "pass" | "end") => {
  if (message === "end") {
    port.close();
    for (const reader of readers) reader.close();
    return;
  }
  const { use, result } = loops[workload]();
  const readBatches: ReadBatches = (buffer, start, end) => walkBatches(buffer, start, end, use);
  await Promise.all(readers.map((reader) => reader.read(readBatches)));
  port.postMessage(result());
});
port.postMessage("ready");
