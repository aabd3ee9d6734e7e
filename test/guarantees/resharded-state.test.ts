import assert from "node:assert/strict";
import { test } from "node:test";
import { defineJob, KafkaUtils, runJob } from "millrace";
import { postgres } from "millrace/sinks";
import pg from "pg";
import { MemoryDisk } from "../checkpoint/memory-store.ts";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { startPostgres } from "../helpers/postgres.ts";
import { produceMany } from "../helpers/produce.ts";

const KEYS = 12;

test("a sink behind a state follows it to other partitions, all of them fenced, and holds each row once", async (t) => {
  const server = await startPostgres();
  const connection = await server.createDatabase();
  const client = new pg.Client(connection);
  await client.connect();
  t.after(async () => {
    await client.end();
    await server.stop();
  });
  const query = async (sql: string) => (await client.query<number[]>({ text: sql, rowMode: "array" })).rows;

  const topic = await createTopic(t, { partitions: 1 });
  const disk = new MemoryDisk();
  const job = (numPartitions: number) =>
    defineJob({ appName: "resharded", batchInterval: "1s", master: "local", trigger: "availableNow" }, (ssc) => {
      KafkaUtils.createDirectStream(ssc, [topic], {
        "bootstrap.servers": bootstrapServers(),
        "auto.offset.reset": "earliest",
      })
        .map(({ value }): [string, number] => [value ?? "", 1])
        .updateStateByKey<number>((values, sum = 0) => sum + values.length, { name: "sums", numPartitions })
        .saveTo(
          postgres({
            connection,
            table: "sums",
            row: ([key, sum], { partition }) => ({ key, sum, partition }),
            setup: "create table if not exists sums (key text, sum integer, partition integer)",
          }),
          { name: "sums" },
        );
    });
  /** One more of each key, in one batch. */
  const run = async (numPartitions: number) => {
    const options = { openStore: async () => disk.store(), acceptChangedGraph: true };
    await (await runJob(job(numPartitions), options)).awaitTermination();
  };
  const next = async (numPartitions: number) => {
    await produceMany(topic, KEYS, (i) => `key ${i}`);
    await run(numPartitions);
  };
  const fenced = () =>
    query(
      "select count(*)::integer from millrace_progress where epoch = (select max(epoch) from millrace_progress)",
    ).then((rows) => rows[0]![0]);

  await next(2);
  assert.equal(await fenced(), 2);

  // Dies when all partitions are committed and the batch is not complete.
  let appends = 0;
  disk.before = async (step) => {
    if (step !== "append" || (await query("select count(*)::integer from sums"))[0]![0]! < 2 * KEYS) return;
    appends++;
    throw new Error("the driver dies here");
  };
  await assert.rejects(next(5), /the driver dies here/);
  assert.equal(appends, 1);
  disk.before = () => {};
  await assert.rejects(run(3), { code: "STATE_DIFFERS", hint: /Batch 2 is pending/ });
  await run(5);
  assert.equal(await fenced(), 5);
  await next(1);
  assert.equal(await fenced(), 5, "also those that there are no longer");

  const expected = [1, 2, 3].flatMap((sum) => Array.from({ length: KEYS }, () => [sum, sum]));
  assert.deepEqual(
    await query("select sum, dense_rank() over (order by sum)::integer from sums order by sum"),
    expected,
  );
  assert.deepEqual(
    await query("select sum, count(distinct partition)::integer > 1 from sums group by sum order by sum"),
    [
      [1, true],
      [2, true],
      [3, false],
    ],
  );
});
