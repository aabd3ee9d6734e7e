import assert from "node:assert/strict";
import { test } from "node:test";
import { type DStream, defineJob, type EngineOptions, type JobOptions, KafkaUtils, type State } from "millrace";
import { testJob } from "millrace/testing";

/** A state that is to have another number of partitions. What survives a crash meanwhile is in test/guarantees/state-exactly-once.test.ts. */

type Pairs = DStream<[string, number]>;

const kafka = { "bootstrap.servers": "nowhere.invalid:9092", "auto.offset.reset": "earliest" } as const;
const accepting = { acceptChangedGraph: true };

function job(build: (pairs: Pairs) => void, options: Partial<JobOptions<{}> & EngineOptions> = {}) {
  return defineJob({ appName: "resharded", batchInterval: "1s", ...options }, (ssc) => {
    const stream = KafkaUtils.createDirectStream(ssc, ["numbers"], kafka);
    build(stream.map(({ key, value }) => [String(key), Number(value)]));
  });
}

const pairs = (...keys: string[]) => keys.map((key) => ({ key, value: "1" }));
const LETTERS = [..."abcdefghijkl"];

const sums = (numPartitions?: number, options: Partial<JobOptions<{}> & EngineOptions> = {}) =>
  job(
    (stream) =>
      stream
        .updateStateByKey<number>((values, sum = 0) => sum + values.length, { name: "sums", numPartitions })
        .glom()
        .foreachRDD(async (rdd) => void (await rdd.count()), { name: "sums" }),
    options,
  );

const counted = (partitions: readonly (readonly [string, number])[][]) => Object.fromEntries(partitions.flat());
const all = (n: number) => Object.fromEntries(LETTERS.map((letter) => [letter, n]));

test("another number of partitions is refused, and the flag deals each key out anew, to more of them and to fewer", async () => {
  await using run = await testJob(sums(2), { topics: { numbers: { records: pairs(...LETTERS) } } });
  await run.tick();
  assert.equal(run.output("sums").length, 2);
  await assert.rejects(run.restart(sums(5)), {
    code: "STATE_DIFFERS",
    message: /"sums" has 2 partitions; updateStateByKey at .* asks for 5/,
    hint: /anew over 5 partitions: acceptChangedGraph, --accept-changed-graph\. Or keep numPartitions: 2/,
  });
  let expected = 1;
  for (const numPartitions of [5, 1, 3]) {
    await run.restart(sums(numPartitions, accepting));
    run.send("numbers", pairs(...LETTERS));
    await run.tick();
    const partitions = run.output<[string, number][]>("sums");
    assert.equal(partitions.length, numPartitions);
    assert.deepEqual(counted(partitions), all(++expected));
    // Who no longer asks for a number goes on with this one.
    await run.restart(sums());
    await run.tick();
    assert.deepEqual(run.output("sums"), partitions);
  }
});

test("while a batch is pending a state keeps its partitions, whatever is accepted; when it is complete it gets others", async () => {
  await using run = await testJob(sums(2), { topics: { numbers: { records: pairs(...LETTERS) } } });
  await run.tick();
  run.send("numbers", pairs(...LETTERS));
  await run.crash("after tasks");
  await assert.rejects(run.restart(sums(5, accepting)), {
    code: "STATE_DIFFERS",
    message: /"sums" has 2 partitions; updateStateByKey at .* asks for 5/,
    hint: /Batch 2 is pending, and was planned for 2 partitions: complete it by the version before \(numPartitions: 2\)/,
  });
  await run.restart(sums(2));
  await run.tick();
  await run.restart(sums(5, accepting));
  await run.tick();
  assert.deepEqual(counted(run.output("sums")), all(2));
});

test("a key times out when it would have, wherever it has come from", async () => {
  const timedOut: string[] = [];
  const timing = (numPartitions: number) =>
    job((stream) => {
      const seen = (key: string, _one: number | undefined, state: State<number>) => {
        if (state.isTimingOut()) timedOut.push(key);
        else state.update(1);
      };
      stream
        .mapWithState(seen, { name: "seen", timeout: "2s", numPartitions })
        .foreachRDD(async (rdd) => void (await rdd.count()));
    }, accepting);
  await using run = await testJob(timing(4), { topics: { numbers: { records: pairs("a", "b", "c", "d") } } });
  const now = (...letters: string[]) => {
    run.send("numbers", pairs(...letters));
    return run.tick();
  };
  // Their last touches, at 1 to 4 s, are in another order than their partitions.
  await now();
  await now("e", "f", "g", "h", "d", "b");
  await now("c", "h");
  await run.restart(timing(1));
  await now("x");
  assert.deepEqual(timedOut, ["a"]);
  await now("x");
  assert.deepEqual(timedOut.splice(0).sort(), ["a", "b", "d", "e", "f", "g"]);
  await now("x");
  assert.deepEqual(timedOut.sort(), ["c", "h"]);
});

test("the partitioner says where a key goes, and one that throws leaves the state as it was", async () => {
  const length = (numPartitions: number, partitioner: (key: string) => number) =>
    job((stream) => {
      stream
        .reduceByKeyAndWindow((a, b) => a + b, { name: "sums", window: "9s", numPartitions, partitioner })
        .glom()
        .foreachRDD(async (rdd) => void (await rdd.count()), { name: "sums" });
    }, accepting);
  const byLength = (key: string) => key.length;
  await using run = await testJob(length(2, byLength), { topics: { numbers: { records: pairs("a", "bb", "ccc") } } });
  await run.tick();
  const throwing = length(3, (key) => {
    if (key === "bb") throw new Error("no place for it");
    return 0;
  });
  await assert.rejects(run.restart(throwing), {
    code: "TASK_FAILED",
    message: /^reduceByKeyAndWindow at .* failed: no place for it/,
    hint: /the state, which is as it was/,
  });
  await run.restart(length(2, byLength));
  await run.restart(length(4, byLength));
  await run.tick();
  assert.deepEqual(run.output("sums"), [[], [["a", 1]], [["bb", 1]], [["ccc", 1]]]);
});
