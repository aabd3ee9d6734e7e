import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { ascending, runKilledOnNumbers, sumsOf } from "../helpers/killed-numbers.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

test("SQLite holds the effect of every record exactly once, whenever the driver is killed", async (t) => {
  const path = join(temporaryFolder(t), "db");
  const query = (sql: string) => {
    const database = new DatabaseSync(path, { readOnly: true });
    try {
      return database
        .prepare(sql)
        .all()
        .map((row) => Object.values(row) as [number, number]);
    } finally {
      database.close();
    }
  };
  const expected = await runKilledOnNumbers(t, {
    job: "save-to-sqlite.ts",
    params: { path },
    progress: () => (existsSync(path) ? query("select count(*) from numbers")[0]![0] : 0),
  });
  assert.deepEqual(query("select n from numbers").flat().sort(ascending), expected.numbers);
  assert.deepEqual(sumsOf(query("select remainder, sum from sums")), expected.sums);
});
