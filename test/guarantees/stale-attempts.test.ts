/** On `local` a task past taskTimeout cannot be ended: it goes on beside the next attempt, and wakes when that one is done. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { defineJob, KafkaUtils, runJob, type State } from "millrace";
import { type FileFormat, files, jsonLines, kafka, postgres, publishedBatches, sqlite } from "millrace/sinks";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { ascending } from "../helpers/killed-numbers.ts";
import { query, startPostgres } from "../helpers/postgres.ts";
import { produceMany } from "../helpers/produce.ts";
import { rowsOf } from "../helpers/sqlite.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { waitUntil } from "../helpers/wait-until.ts";
import { committedValues, kafkaParams, progressTopic } from "../sinks/kafka-topic.ts";

test("an attempt that was given up and wakes late writes nothing twice: in no sink, in no state", async (t) => {
  const server = await startPostgres();
  t.after(() => server.stop());
  const connection = await server.createDatabase();
  const folder = temporaryFolder(t);
  const [path, directory] = [join(folder, "db"), join(folder, "files")];
  const [from, to, progress] = [await createTopic(t), await createTopic(t), await progressTopic()];

  const wakes = Promise.withResolvers<void>();
  const hung = new Set<string>();
  const woken: string[] = [];
  /** The first time at each place, until the test wakes all. */
  async function hang(place: string): Promise<void> {
    if (hung.has(place)) return;
    hung.add(place);
    await wakes.promise;
    woken.push(place);
  }

  const format: FileFormat<number> = {
    extension: "jsonl",
    async *encode(values) {
      for await (const some of values) {
        yield* jsonLines<number>().encode(
          (async function* () {
            yield some;
          })(),
        );
        await hang("files");
      }
    },
  };
  const states: (readonly [number, number])[] = [];
  const attempts: number[] = [];
  const job = defineJob(
    { appName: "stale", batchInterval: "1s", master: "local", trigger: "availableNow", maxRatePerPartition: 10 },
    (ssc) => {
      const params = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest" } as const;
      const numbers = KafkaUtils.createDirectStream(ssc, [from], params).map(({ value }) => Number(value));
      const table = { table: "numbers", row: (n: number) => ({ n }) };
      const setup = "create table if not exists numbers (n integer)";
      numbers
        .mapAsync(async (n) => {
          await hang("mapAsync");
          return n;
        })
        .map((n): [number, number] => [n % 3, n])
        .mapWithState(
          (key, n: number | undefined, state: State<number>) => {
            state.update((state.get() ?? 0) + (n ?? 0));
            return [key, state.get() ?? 0] as const;
          },
          { name: "sums" },
        )
        .foreachRDD(async (rdd, _time, { seq }) => {
          for (const [key, sum] of await rdd.collect()) states[key] = [key, sum];
          // The first batch is complete, and the second one under way.
          if (seq === 2) wakes.resolve();
        });
      numbers.saveTo(sqlite({ path, ...table, setup }), { name: "sqlite" });
      numbers.saveTo(
        postgres<number>({
          connection,
          setup,
          async write(client, partition) {
            for await (const n of partition) {
              await client.query("insert into numbers values ($1)", [n]);
              await hang("postgres");
            }
          },
        }),
        { name: "postgres" },
      );
      const value = {
        async prepare() {
          await hang("kafka");
          return String;
        },
      };
      numbers.saveTo(kafka<number>({ kafkaParams: kafkaParams(), topic: to, value, progressTopic: progress }), {
        name: "kafka",
      });
      numbers.saveTo(files({ directory, format }), { name: "files" });
      numbers.foreachPartition((_, { attempt }) => void attempts.push(attempt));
    },
  );
  await produceMany(from, 20, String);
  const running = await runJob(job, { taskTimeout: "4s", taskMaxFailures: 10 });
  await running.awaitTermination();
  assert.deepEqual([...hung].sort(), ["files", "kafka", "mapAsync", "postgres"]);
  assert.deepEqual(woken.sort(), [...hung].sort());
  assert.ok(Math.max(...attempts) > 1);

  const all = [...Array(20).keys()];
  assert.deepEqual(rowsOf(path, "select n from numbers").flat(), all);
  assert.deepEqual(
    (await query(connection, "select n from numbers order by n")).map(({ n }) => n),
    all,
  );
  assert.deepEqual((await committedValues(to)).map(Number).sort(ascending), all);
  const published: string[] = [];
  for await (const batch of publishedBatches(directory)) published.push(...batch.files.map((file) => file.path));
  const lines = published.flatMap((file) => readFileSync(file, "utf8").trim().split("\n"));
  assert.deepEqual(lines.map(Number), all);
  const folderOfFiles = join(published[0]!, "..");
  await waitUntil(
    "the file of the stale attempt is gone",
    () => readdirSync(folderOfFiles).length === published.length,
  );
  const sums = [0, 1, 2].map((key) => [key, all.filter((n) => n % 3 === key).reduce((a, b) => a + b)]);
  assert.deepEqual(states, sums);
});
