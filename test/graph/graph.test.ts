/** What a build function describes, and the names of its parts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { defineJob, type JobContext } from "millrace";
import { compareFingerprints } from "../../src/executor/fingerprint.ts";
import { buildGraph } from "../../src/job/build-graph.ts";

const graphOf = (build: (ssc: JobContext) => void) =>
  buildGraph(defineJob({ appName: "described", batchInterval: 20, master: "local" }, build), {}).graph;

function everyOperation(ssc: JobContext): void {
  const numbers = ssc.queueStream([[1]], { numPartitions: 2 });
  const pairs = numbers.map((n) => [n, 1]);
  pairs.reduceByKey((a, b) => a + b, { numPartitions: 3 }).foreachRDD(() => {}, { name: "sums" });
  numbers
    .union(numbers.filter(() => true))
    .transform((rdd) => rdd)
    .cache()
    .foreachPartition(() => {});
}

test("the same build function gives the same fingerprint, each time", () => {
  const fingerprint = graphOf(everyOperation).fingerprint();
  assert.deepEqual(graphOf(everyOperation).fingerprint(), fingerprint);
  assert.deepEqual(fingerprint, [
    "0 source queueStream () queue-0 1 x 2",
    "1 narrow map (0)",
    '2 shuffle reduceByKey (1) {"numPartitions":3,"partitioner":false}',
    "3 narrow filter (0)",
    "4 union union (0,3)",
    "5 transform transform (4)",
    "6 cache cache (5)",
    "out-0 foreachRDD (2)",
    "out-1 foreachPartition (6)",
  ]);
});

test("names have the method, the file and the place of the call", () => {
  const { nodes, outputs } = graphOf(everyOperation);
  const place = (method: string) => new RegExp(`^${method} at graph\\.test\\.ts:\\d+:\\d+$`);
  assert.match(nodes[0]!.name, place("queueStream"));
  assert.match(nodes[2]!.name, place("reduceByKey"));
  assert.equal(outputs[0]!.name, "sums");
  assert.match(outputs[1]!.name, place("foreachPartition"));
  const lines = new Set(nodes.map(({ name }) => name.split(":")[1]));
  assert(lines.size >= 5, "each its own line");
});

test("names are the same where a loader, as tsx does, shows paths in stacks in place of URLs", (t) => {
  const { prepareStackTrace } = Error;
  t.after(() => {
    Error.prepareStackTrace = prepareStackTrace;
  });
  Error.prepareStackTrace = (error, frames) =>
    `${error}\n${frames.map((frame) => `    at ${frame}`.replace("file://", "")).join("\n")}`;
  assert.match(graphOf(everyOperation).nodes[0]!.name, /^queueStream at graph\.test\.ts:\d+:\d+$/);
});

test("a difference is told as the first line that differs", () => {
  const same = ["0 source", "1 narrow map"];
  compareFingerprints(same, [...same], 0);
  for (const [executor, message] of [
    [
      ["0 source", "1 narrow filter"],
      /^Executor 3 built another graph.*the driver has "1 narrow map", the executor "1 narrow filter"/,
    ],
    [["0 source"], /the driver has "1 narrow map", the executor nothing more/],
    [[...same, "2 union"], /the driver has nothing more, the executor "2 union"/],
  ] as const) {
    assert.throws(() => compareFingerprints(same, executor, 3), { code: "GRAPH_DIFFERS", message });
  }
});

test("params are a copy for each build, so that one cannot change another's", () => {
  const seen: number[][] = [];
  const job = defineJob({ appName: "params", batchInterval: 20, params: { list: [1] } }, (ssc, { list }) => {
    seen.push([...list]);
    (list as number[]).push(2);
    ssc.onDriver(() => {});
  });
  buildGraph(job as never, job.params);
  buildGraph(job as never, job.params);
  assert.deepEqual(seen, [[1], [1]]);
});

test("nodes are frozen: nobody changes what was described", () => {
  const { nodes } = graphOf(everyOperation);
  for (const node of nodes) assert(Object.isFrozen(node));
});
