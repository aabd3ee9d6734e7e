import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { ascending, runKilledOnNumbers, sumsOf } from "../helpers/killed-numbers.ts";
import { startPostgres } from "../helpers/postgres.ts";

test("Postgres holds the effect of every record exactly once, whenever the driver is killed", async (t) => {
  const server = await startPostgres();
  t.after(() => server.stop());
  const connection = await server.createDatabase();
  const client = new pg.Client(connection);
  await client.connect();
  try {
    const query = async (sql: string) => (await client.query<[number, number]>({ text: sql, rowMode: "array" })).rows;
    const expected = await runKilledOnNumbers(t, {
      job: "save-to-postgres.ts",
      params: { connection },
      progress: async () => (await query("select count(*)::integer from numbers"))[0]![0],
    });
    assert.deepEqual((await query("select n from numbers")).flat().sort(ascending), expected.numbers);
    assert.deepEqual(sumsOf(await query("select remainder, sum from sums")), expected.sums);
  } finally {
    await client.end();
  }
});
