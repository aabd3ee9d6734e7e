import { once } from "node:events";
import { createInterface } from "node:readline";
import { Worker } from "node:worker_threads";
import { KafkaCluster } from "../../src/kafka/connection/cluster.ts";
import { resolveKafkaParams } from "../../src/kafka/kafka-params.ts";
import { answer, answerPass, heatFromArguments } from "../contest.ts";
import { brokersOf } from "../data/brokers.ts";
import { digestOf } from "../workloads.ts";
import type { PartitionRange } from "./fetch.ts";
import { type Loop, mergeResults } from "./loops.ts";
import type { LimitThreadData } from "./thread.ts";

/**
 * The limit: what this machine does when each workload is a loop written by hand. No records as objects, no operators, no engine; the
 * same fetch size, the same checks (CRC-32C, text that is not ASCII), the same number of threads.
 */

const { bootstrap, topic, workload, threads } = heatFromArguments();
const broker = brokersOf(bootstrap)[0]!;
const { topicId, ranges } = await wholeTopic();
const workers = Array.from({ length: threads }, (_, thread) => {
  const data: LimitThreadData = {
    broker,
    topicId,
    workload,
    ranges: ranges.filter(({ partition }) => partition % threads === thread),
  };
  return new Worker(new URL("./thread.ts", import.meta.url), { workerData: data });
});
await Promise.all(workers.map((worker) => once(worker, "message")));
answer({ type: "ready" });

for await (const _ of createInterface(process.stdin)) {
  await answerPass(async () => {
    const results = await Promise.all(
      workers.map(async (worker) => {
        worker.postMessage("pass");
        return (await once(worker, "message"))[0] as ReturnType<Loop["result"]>;
      }),
    );
    return digestOf(mergeResults(results));
  });
}
for (const worker of workers) worker.postMessage("end");

async function wholeTopic(): Promise<{ topicId: string; ranges: PartitionRange[] }> {
  await using cluster = new KafkaCluster(resolveKafkaParams({ "bootstrap.servers": bootstrap }));
  const [info] = await cluster.topics([topic]);
  const partitions = info!.partitions.map(({ partition }) => ({ topic, partition }));
  const latest = await cluster.latestOffsets(partitions);
  return {
    topicId: info!.topicId,
    ranges: partitions.map((place) => ({
      partition: place.partition,
      from: 0,
      until: latest.get(place)!,
    })),
  };
}
