import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { defineJob, runJob } from "millrace";
import { type BatchSink, defineSink, type SqliteOptions, sqlite } from "millrace/sinks";
import { sinkContract } from "millrace/testing";
import { type Partition, partitionOf } from "../../src/operators/partition.ts";
import { runGraph } from "../helpers/run-graph.ts";
import { rowsOf } from "../helpers/sqlite.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

sinkContract<{ n: number }>(
  (name, run) => test(`sqlite: ${name}`, run),
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "millrace-sqlite-"));
    const path = join(folder, "db");
    return {
      close: async () => rmSync(folder, { recursive: true }),
      sink: sqlite({
        path,
        table: "numbers",
        row: ({ n }) => ({ n }),
        setup: "create table if not exists numbers (n integer)",
      }),
      value: (n) => ({ n }),
      stored: async () => {
        const database = new DatabaseSync(path);
        const rows = database.prepare("select n from numbers").all();
        database.close();
        return rows as { n: number }[];
      },
    };
  },
);

const identity = { checkpointId: "checkpoint", appName: "test", output: "numbers" };
const batch = {
  ...identity,
  seq: 1,
  epoch: 1,
  numPartitions: 1,
  batchTime: 1_000,
  digest: "plan",
  offsetRanges: [],
  signal: new AbortController().signal,
};

/** The sink as the driver has it. */
async function opened(t: TestContext, options: Pick<SqliteOptions<number>, "path" | "row">, output = "numbers") {
  const setup = "create table if not exists numbers (n integer)";
  const sink = sqlite<number>({ table: "numbers", setup, ...options })["~sink"] as unknown as BatchSink<
    number,
    unknown
  >;
  const connection = await sink.open(identity);
  t.after(() => sink.close(connection));
  return (...partitions: AsyncIterable<readonly number[]>[]) =>
    sink.commitBatch(connection, partitions.map(partitionOf) as Partition<number>[], { ...batch, output });
}

function numbersIn(path: string): unknown[] {
  return rowsOf(path, "select n from numbers").flat();
}

test("rows are inserted while the values are read: never more than one chunk is held, and all are one transaction", async (t) => {
  const path = join(temporaryFolder(t), "db");
  let rows = 0;
  const row = (n: number) => {
    rows++;
    return { n };
  };
  const commit = await opened(t, { path, row });
  async function* chunks(from: number) {
    for (let n = from; n < from + 10_000; n += 1_000) {
      assert.equal(rows, n);
      assert.deepEqual(numbersIn(path), [], "nobody sees a part");
      yield Array.from({ length: 1_000 }, (_, i) => n + i);
    }
  }
  assert.equal(await commit(chunks(0), chunks(10_000)), "written");
  assert.deepEqual(numbersIn(path), [...Array(20_000).keys()]);
});

test("a partition may have any number of values, and comes to a sink in chunks of a few thousand, in order", async (t) => {
  const path = join(temporaryFolder(t), "db");
  const values = Array.from({ length: 300_000 }, (_, n) => n);
  const sizes: number[] = [];
  const seen: number[] = [];
  const sink = defineSink<number, void>({
    open: async () => {},
    fence: async () => {},
    close: async () => {},
    async commitBatch(_, partitions) {
      for (const partition of partitions) {
        for await (const chunk of partition.chunks()) {
          sizes.push(chunk.length);
          for (const value of chunk) seen.push(value);
        }
      }
      return "written";
    },
  });
  await runGraph((ssc) => {
    const stream = ssc.queueStream([values], { numPartitions: 1 });
    stream.saveTo(sink, { name: "seen" });
    const setup = "create table if not exists numbers (n integer)";
    stream.saveTo(sqlite({ path, table: "numbers", row: (n) => ({ n }), setup }), { name: "numbers" });
  });
  assert.deepEqual(seen, values);
  assert.ok(Math.max(...sizes) <= 4_096, `a chunk has ${Math.max(...sizes)} values`);
  assert.deepEqual(numbersIn(path), values);
});

test("two outputs of one process to one file take turns: a transaction that waits for values stops nobody", async (t) => {
  const path = join(temporaryFolder(t), "db");
  const row = (n: number) => ({ n });
  const first = await opened(t, { path, row }, "first");
  const second = await opened(t, { path, row }, "second");
  let other: Promise<string> | undefined;
  async function* values() {
    yield [1];
    other = second(
      (async function* () {
        yield [3];
      })(),
    );
    yield [2];
  }
  assert.equal(await first(values()), "written");
  assert.equal(await other, "written");
  assert.deepEqual(numbersIn(path), [1, 2, 3]);
});

test("a value that SQLite cannot hold is refused with its column, and nothing of the batch is stored", async (t) => {
  for (const [value, told] of [
    [{}, /column "n" a value of type object/],
    [[1], /column "n" an array/],
    [undefined, /column "n" undefined/],
  ] as const) {
    const path = join(temporaryFolder(t), "db");
    const commit = await opened(t, { path, row: (n) => ({ n: n === 2 ? (value as unknown as number) : n }) });
    async function* values() {
      yield [1, 2];
    }
    await assert.rejects(commit(values()), { code: "SINK_FAILED", message: told });
    assert.deepEqual(numbersIn(path), []);
  }
});

const totals = (path: string, table = "totals") =>
  defineJob({ appName: "totals", batchInterval: "20ms", master: "local", trigger: "availableNow" }, (ssc) => {
    ssc
      .queueStream([["a", "b", "a"], ["a"]], { numPartitions: 2 })
      .map((word) => [word, 1])
      .reduceByKey((a, b) => a + b)
      .saveTo(
        sqlite({
          path,
          table,
          upsertBy: ["word"],
          row: ([word, n], { seq }) => ({ word, n, seq, at: new Date(0), odd: n % 2 === 1 }),
          setup:
            "create table if not exists totals (word text primary key, n integer, seq integer, at text, odd integer)",
        }),
        { name: "totals" },
      );
  });

test("saveTo upserts the rows of each batch, in the types that SQLite has", async (t) => {
  const path = join(temporaryFolder(t), "db");
  const running = await runJob(totals(path));
  await running.awaitTermination();
  const database = new DatabaseSync(path);
  const rows = database
    .prepare("select * from totals order by word")
    .all()
    .map((row) => ({ ...row }));
  database.close();
  assert.deepEqual(rows, [
    { word: "a", n: 1, seq: 2, at: "1970-01-01T00:00:00.000Z", odd: 1 },
    { word: "b", n: 1, seq: 1, at: "1970-01-01T00:00:00.000Z", odd: 1 },
  ]);
});

test("a table that is not there, and a path that cannot be opened, are said with what to do", async (t) => {
  const folder = temporaryFolder(t);
  const missing = await runJob(totals(join(folder, "db"), "other"));
  await assert.rejects(missing.awaitTermination(), { code: "SINK_FAILED", message: /no such table: other/ });
  const nowhere = await runJob(totals(join(folder, "no", "such", "folder", "db")));
  await assert.rejects(nowhere.awaitTermination(), { code: "SINK_FAILED", hint: /Check the path/ });
});

test("saveTo without a name, or with one that is no name, is refused where it is written", async () => {
  const build = (options: { name: string }) =>
    runJob(
      defineJob({ appName: "x", batchInterval: "1s", master: "local" }, (ssc) => {
        ssc.queueStream([[1]]).saveTo(sqlite({ path: "x", table: "t", row: (n) => ({ n }) }), options);
      }),
    );
  await assert.rejects(build({} as { name: string }), { code: "BAD_OPTION" });
  await assert.rejects(build({ name: "no spaces" }), { code: "BAD_OPTION", message: /letters, digits and dashes/ });
});
