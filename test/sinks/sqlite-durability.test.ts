/** What keeps a transaction of the SQLite sink whole and on the disk. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { sqlite } from "millrace/sinks";
import { partitionOf } from "../../src/operators/partition.ts";
import type { BatchSink, Sink } from "../../src/operators/sink.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { commit, once } from "./save-partition.ts";

async function saveBatch<T>(sink: Sink<T>, values: readonly T[]): Promise<void> {
  const definition = sink["~sink"] as unknown as BatchSink<T, unknown>;
  const connection = await definition.open(commit);
  try {
    await definition.commitBatch(connection, [partitionOf(once(values))], commit);
  } finally {
    await definition.close(connection);
  }
}

test("a transaction has its lock from the start: who writes in between waits, and does not make it fail", async (t) => {
  const path = join(temporaryFolder(t), "db");
  const other = new DatabaseSync(path, { timeout: 0 });
  t.after(() => other.close());
  other.exec("pragma journal_mode = wal; create table numbers (n integer); create table others (n integer)");
  const row = (n: number) => {
    assert.throws(() => other.exec("insert into others values (1)"), /locked/);
    return { n };
  };
  await saveBatch(sqlite({ path, table: "numbers", row }), [1, 2]);
  assert.deepEqual(
    other
      .prepare("select n from numbers")
      .all()
      .map(({ n }) => n),
    [1, 2],
  );
});

test("a transaction is on the disk when it is committed, and readers do not wait for it", async (t) => {
  const path = join(temporaryFolder(t), "db");
  const settings =
    "(select journal_mode from pragma_journal_mode) mode, (select synchronous from pragma_synchronous) sync";
  const setup = `create table if not exists numbers (n integer); create table settings as select ${settings}`;
  await saveBatch(sqlite({ path, table: "numbers", row: (n: number) => ({ n }), setup }), [1]);
  const database = new DatabaseSync(path);
  t.after(() => database.close());
  // 2 is FULL.
  assert.deepEqual({ ...database.prepare("select mode, sync from settings").get() }, { mode: "wal", sync: 2 });
});
