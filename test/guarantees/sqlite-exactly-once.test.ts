import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ascending, runKilledOnNumbers, sumsOf } from "../helpers/killed-numbers.ts";
import { rowsOf } from "../helpers/sqlite.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

test("SQLite holds the effect of every record exactly once, whenever the driver is killed", async (t) => {
  const path = join(temporaryFolder(t), "db");
  const query = (sql: string) => rowsOf<[number, number]>(path, sql);
  const expected = await runKilledOnNumbers(t, {
    job: "save-to-sqlite.ts",
    params: { path },
    progress: () => (existsSync(path) ? query("select count(*) from numbers")[0]![0] : 0),
  });
  assert.deepEqual(query("select n from numbers").flat().sort(ascending), expected.numbers);
  assert.deepEqual(sumsOf(query("select remainder, sum from sums")), expected.sums);
});
