import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ascending, runKilledOnNumbers } from "../helpers/killed-numbers.ts";
import { startPostgres } from "../helpers/postgres.ts";
import { rowsOf } from "../helpers/sqlite.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

test("a checkpoint in Postgres goes on where the driver stood that was killed, like one on a disk", async (t) => {
  const server = await startPostgres();
  t.after(() => server.stop());
  const path = join(temporaryFolder(t), "db");
  const query = (sql: string) => rowsOf<[number, number]>(path, sql);
  const expected = await runKilledOnNumbers(t, {
    job: "save-to-sqlite.ts",
    params: { path },
    checkpointDirectory: `${await server.createDatabase()}#numbers`,
    progress: () => (existsSync(path) ? query("select count(*) from numbers")[0]![0] : 0),
  });
  assert.deepEqual(query("select n from numbers").flat().sort(ascending), expected.numbers);
});
