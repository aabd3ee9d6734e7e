import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { defineJob, runJob } from "millrace";
import { sqlite } from "millrace/sinks";
import { sinkContract } from "millrace/testing";
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
