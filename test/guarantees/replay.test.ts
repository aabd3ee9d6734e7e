/** A batch that was left out is replayed: what its sinks have of it is not written again, what is missing is written once, and no stream moves. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, type TestContext, test } from "node:test";
import { defineJob, type FailurePolicy, KafkaUtils, MillraceError, runJob } from "millrace";
import { defineSink, postgres, type Sink, sqlite } from "millrace/sinks";
import { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { MemoryDisk } from "../checkpoint/memory-store.ts";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { type PostgresServer, query, startPostgres } from "../helpers/postgres.ts";
import { produceMany } from "../helpers/produce.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

let server: PostgresServer;
before(async () => {
  server = await startPostgres();
});
after(() => server.stop());

interface Run {
  /** At which the row function throws. */
  readonly refused?: string;
  /** Of which the last output fails. */
  readonly failAt?: number;
  readonly failedBatch?: FailurePolicy;
  readonly replay?: readonly number[];
  readonly alsoFiltered?: boolean;
  readonly acceptChangedGraph?: boolean;
}

/** Batches of four records from two partitions: into Postgres by partition, into SQLite as a whole, and past a function of the driver. */
async function replayable(t: TestContext, change: (sink: Sink<string>) => Sink<string> = (sink) => sink) {
  const topic = await createTopic(t, { partitions: 2 });
  const connection = await server.createDatabase();
  const path = join(temporaryFolder(t), "db");
  const disk = new MemoryDisk();
  const heard: string[] = [];
  const setup = "create table if not exists lines (line text)";
  let produced = 0;
  const world = () => Checkpoint.peek(disk.store(), "replayable");
  return {
    heard,
    world,
    async produce(batches: number) {
      const from = produced;
      produced += 4 * batches;
      await produceMany(topic, 4 * batches, (i) => `v${from + i}`, { partitions: 2 });
    },
    async run({ refused, failAt, alsoFiltered = false, ...options }: Run = {}) {
      const row = (line: string) => {
        if (line === refused) throw new Error("not this one");
        return { line };
      };
      const job = defineJob(
        {
          appName: "replayable",
          batchInterval: "1s",
          master: "local",
          trigger: "availableNow",
          maxRatePerPartition: 2,
          taskMaxFailures: 1,
          failedBatch: "continue",
        },
        (ssc) => {
          const kafkaParams = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest" } as const;
          const lines = KafkaUtils.createDirectStream(ssc, [topic], kafkaParams).map(({ value }) => value ?? "");
          const kept = alsoFiltered ? lines.filter(() => true) : lines;
          kept.saveTo(change(postgres<string>({ connection, table: "lines", row, setup })), { name: "by-partition" });
          lines.saveTo(sqlite<string>({ path, table: "lines", row: (line) => ({ line }), setup }), {
            name: "as-a-whole",
          });
          lines.foreachRDD(
            async (rdd, _, { seq }) => {
              if (seq === failAt) throw new Error("not this batch");
              heard.push(...(await rdd.collect()));
            },
            { name: "heard" },
          );
        },
      );
      const running = await runJob(job, { openStore: async () => disk.store(), ...options });
      await running.awaitTermination();
    },
    async assertOnce() {
      const expected = Array.from({ length: produced }, (_, i) => `v${i}`).sort();
      assert.deepEqual(await inPostgres(connection), expected, "by partition");
      const db = new DatabaseSync(path);
      const rows = db.prepare("select line from lines").all();
      db.close();
      assert.deepEqual(rows.map(({ line }) => line).sort(), expected, "as a whole");
      assert.deepEqual(heard.toSorted(), expected, "heard");
    },
    inPostgres: () => inPostgres(connection),
  };
}

async function inPostgres(connection: string): Promise<unknown[]> {
  return (await query(connection, "select line from lines")).map(({ line }) => line).sort();
}

/** What the checkpoint knows of "by partition" in each batch that was left out. */
const receipts = ({ abandoned }: Awaited<ReturnType<typeof Checkpoint.peek>>) =>
  abandoned.last.map(({ seq, outputs, replayedAs }) => {
    const { done, written, numPartitions } = outputs.find(({ name }) => name === "by-partition")!;
    return { seq, done, written, numPartitions, replayedAs };
  });

test("a batch of which one partition was written is replayed for the other one, after later batches, and once", async (t) => {
  const { produce, run, assertOnce, inPostgres, world } = await replayable(t);
  await produce(3);
  await run({ refused: "v3" });
  const { abandoned } = await world();
  const reasons = abandoned.last.map(({ seq, message }) => ({ seq, message }));
  assert.deepEqual(reasons, [{ seq: 1, message: "by-partition failed: not this one" }]);
  assert.deepEqual(await inPostgres(), ["v0", "v10", "v11", "v2", "v4", "v5", "v6", "v7", "v8", "v9"].sort());
  const left = { seq: 1, done: false, written: [0], numPartitions: 2 };
  assert.deepEqual(receipts(await world()), [{ ...left, replayedAs: undefined }]);
  await produce(1);
  await run({ replay: [1] });
  await assertOnce();
  assert.deepEqual(receipts(await world()), [{ ...left, replayedAs: 4 }]);
  await produce(1);
  await run({ replay: [1] });
  await assertOnce();
  assert.equal((await world()).seq, 6, "it is not replayed again");
});

test("a replay that dies half way goes on as it was planned, and writes nothing twice", async (t) => {
  const { produce, run, assertOnce } = await replayable(t);
  await produce(2);
  await run({ refused: "v3" });
  await assert.rejects(run({ replay: [1], failAt: 3, failedBatch: "stop" }), { code: "OUTPUT_FAILED" });
  await produce(1);
  await run();
  await assertOnce();
});

test("a replay that is left out too is replayed by its own number, and nothing of both tries is written twice", async (t) => {
  const { produce, run, assertOnce, world } = await replayable(t);
  await produce(2);
  await run({ refused: "v1" });
  await run({ replay: [1], refused: "v3" });
  assert.deepEqual(receipts(await world()), [
    { seq: 1, done: false, written: [0], numPartitions: 2, replayedAs: 3 },
    { seq: 3, done: false, written: [0], numPartitions: 2, replayedAs: undefined },
  ]);
  await run({ replay: [3] });
  await assertOnce();
});

test("outputs that were done are not done again", async (t) => {
  const { produce, run, assertOnce, world } = await replayable(t);
  await produce(1);
  await run({ failAt: 1 });
  assert.equal(receipts(await world())[0]?.done, true);
  await run({ replay: [1] });
  await assertOnce();
});

test("a sink that does not answer when a batch is left out is asked before the next one writes to it", async (t) => {
  let asked = 0;
  const { produce, run, assertOnce, world } = await replayable(t, (sink) => {
    const definition = sink["~sink"] as never as { progress(...args: unknown[]): Promise<unknown> };
    const progress = async (...args: unknown[]) => {
      // The first time is the start.
      if (++asked === 2) throw new MillraceError("SINK_FAILED", "The database is away.", { hint: "Wait." });
      return definition.progress(...args);
    };
    return defineSink({ ...definition, progress } as never);
  });
  await produce(3);
  await run({ refused: "v3" });
  assert.deepEqual(receipts(await world())[0]?.written, [0]);
  assert.ok(asked >= 3);
  await run({ replay: [1] });
  await assertOnce();
});

test("a batch that was not left out, and one whose rest would not fit, are refused before anything is taken over", async (t) => {
  const { produce, run, assertOnce, world } = await replayable(t);
  await produce(2);
  await run({ refused: "v3" });
  await assert.rejects(run({ replay: [2] }), {
    code: "BAD_OPTION",
    message: /^Batch 2 cannot be replayed: the checkpoint has no batch of that number that was left out/,
    hint: "Left out, and not replayed, are: 1.",
  });
  await assert.rejects(run({ replay: [1], alsoFiltered: true }), {
    code: "PLAN_MISMATCH",
    message: /output "by-partition" has some of its partitions, written by a job with other operations/,
  });
  assert.equal((await world()).pending, null);
  await run({ replay: [1] });
  await assertOnce();
});

test("a batch of which it is not known what a sink has is not replayed", async (t) => {
  const { produce, run } = await replayable(t, (sink) => {
    const { progress: _, ...definition } = sink["~sink"];
    return defineSink(definition as never);
  });
  await produce(2);
  await run({ refused: "v3" });
  await assert.rejects(run({ replay: [1] }), {
    code: "PLAN_MISMATCH",
    message: 'Batch 1 cannot be replayed: what the sink of output "by-partition" has of it is not known.',
    hint: /millrace checkpoint show --json/,
  });
});

test("a replay that is pending is not gone on with by other operations, where an output has some of its partitions", async (t) => {
  const { produce, run, assertOnce } = await replayable(t);
  await produce(2);
  await run({ refused: "v3" });
  await assert.rejects(run({ replay: [1], refused: "v3", failedBatch: "stop" }), { code: "TASK_FAILED" });
  await assert.rejects(run({ alsoFiltered: true, acceptChangedGraph: true }), {
    code: "PLAN_MISMATCH",
    message: /^Batch 3 is pending, and output "by-partition" has a part of it already/,
  });
  await run();
  await assertOnce();
});
