import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { runKilled } from "../helpers/killed-driver.ts";
import { produceMany } from "../helpers/produce.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const KILLS = 4;
const RECORDS_PER_ROUND = 400;

test("SQLite holds the effect of every record exactly once, whenever the driver is killed", async (t) => {
  const topic = await createTopic(t, { partitions: 4 });
  const folder = temporaryFolder(t);
  const path = join(folder, "db");
  const query = (sql: string) => {
    const database = new DatabaseSync(path, { readOnly: true });
    try {
      return database
        .prepare(sql)
        .all()
        .map((row) => Object.values(row));
    } finally {
      database.close();
    }
  };

  await runKilled({
    job: "save-to-sqlite.ts",
    params: { brokers: bootstrapServers(), topic, path },
    checkpointDirectory: join(folder, "checkpoint"),
    kills: KILLS,
    recordsPerRound: RECORDS_PER_ROUND,
    produce: (round) =>
      produceMany(topic, RECORDS_PER_ROUND, (i) => String((round - 1) * RECORDS_PER_ROUND + i), { partitions: 4 }),
    // The first driver may not have made its tables yet: then this throws, and is asked again.
    progress: () => (existsSync(path) ? Number(query("select count(*) from numbers")[0]![0]) : 0),
  });

  const total = (KILLS + 1) * RECORDS_PER_ROUND;
  assert.deepEqual(query("select count(*), count(distinct n), min(n), max(n) from numbers"), [
    [total, total, 0, total - 1],
  ]);
  const sums = query("select remainder, sum(sum) from sums group by remainder order by remainder");
  const expected = Array.from({ length: 7 }, (_, remainder) => {
    let sum = 0;
    for (let n = remainder; n < total; n += 7) sum += n;
    return [remainder, sum];
  });
  assert.deepEqual(sums, expected);
});
