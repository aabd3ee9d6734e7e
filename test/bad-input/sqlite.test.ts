/** A database file that refuses: a clear error, nothing lost, and when the cause is gone the job goes on. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { type SqliteOptions, sqlite } from "millrace/sinks";
import { recoveringJob } from "../helpers/recovering-job.ts";
import { rowsOf } from "../helpers/sqlite.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const setup = "create table if not exists numbers (n integer, filling text)";

/** A job that has written its first ten numbers, and ten more to write. */
async function halfWritten(t: TestContext) {
  const path = join(temporaryFolder(t), "db");
  const job = await recoveringJob(t);
  const sink = (options: Partial<SqliteOptions<number>> = {}) =>
    sqlite<number>({ path, table: "numbers", row: (n) => ({ n, filling: "x".repeat(4_000) }), setup, ...options });
  const stored = () => rowsOf(path, "select n from numbers").flat();
  await job.produce(10);
  await job.run(sink());
  await job.produce(10);
  return {
    path,
    sink,
    fails: job.fails.bind(job),
    exec(sql: string): void {
      const database = new DatabaseSync(path);
      database.exec(sql);
      database.close();
    },
    async goesOn(): Promise<void> {
      assert.deepEqual(stored(), [...Array(10).keys()]);
      await job.run(sink());
      assert.deepEqual(stored(), job.numbers());
    },
  };
}

test("a file that another process keeps locked", async (t) => {
  const { path, sink, fails, goesOn } = await halfWritten(t);
  const other = new DatabaseSync(path);
  other.exec("begin immediate");
  await fails(sink(), /database is locked/, /Another process holds the write lock.*Nothing of this batch/);
  other.exec("rollback");
  other.close();
  await goesOn();
});

test("a file that may only be read", async (t) => {
  const { path, sink, fails, goesOn } = await halfWritten(t);
  await fails(sink({ path: `file:${path}?mode=ro` }), /readonly database/, /read-only.*right to write/);
  await goesOn();
});

test("a disk that is full in the middle of a batch", async (t) => {
  const { sink, fails, goesOn } = await halfWritten(t);
  await fails(sink({ setup: `${setup}; pragma max_page_count = 18` }), /disk is full/, /Make room/);
  await goesOn();
});

test("a file that is damaged, and one that is no database", async (t) => {
  const { path, sink, fails, goesOn } = await halfWritten(t);
  const bytes = readFileSync(path);
  writeFileSync(path, Buffer.from(bytes).fill(0xff, 4096));
  await fails(sink(), /malformed/, /damaged\. Restore it/);
  writeFileSync(path, "this is a letter to a friend".repeat(1_000));
  await fails(sink(), /not a database/, /no SQLite database/);
  writeFileSync(path, bytes);
  await goesOn();
});

test("a table without a column, one with a constraint, and one that is gone", async (t) => {
  const { sink, fails, exec, goesOn } = await halfWritten(t);
  exec("alter table numbers rename column filling to other");
  await fails(sink(), /no column named filling/, /columns that row\(\) gives/);
  exec("alter table numbers rename column other to filling");
  exec(
    "create trigger no_fifteen before insert on numbers when new.n = 15 begin select raise(abort, 'not fifteen'); end",
  );
  await fails(sink(), /not fifteen/, /breaks a constraint/);
  exec("drop trigger no_fifteen; alter table numbers rename to away");
  await fails(sink({ setup: "select 1" }), /no such table: numbers/, /table "numbers" is there/);
  exec("alter table away rename to numbers");
  await goesOn();
});

test("upsertBy columns without a unique index", async (t) => {
  const { sink, fails, goesOn } = await halfWritten(t);
  await fails(sink({ upsertBy: ["n"] }), /ON CONFLICT/, /primary key or unique index/);
  await goesOn();
});
