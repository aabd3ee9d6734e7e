/** Each sink, restored from a copy that is older than the checkpoint, and the other way round. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { defineJob, KafkaUtils, runJob } from "millrace";
import { files, kafka, postgres, publishedBatches, type Sink, sqlite } from "millrace/sinks";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { type PostgresServer, query, startPostgres } from "../helpers/postgres.ts";
import { produce, produceMany } from "../helpers/produce.ts";
import { rowsOf } from "../helpers/sqlite.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { committed, committedValues, kafkaParams, progressTopic } from "../sinks/kafka-topic.ts";

/** Where a sink writes: it can be copied, and what is there replaced by the copy. */
interface Place {
  sink(): Sink<string>;
  copy(): Promise<void>;
  restore(): Promise<void>;
  stored(): Promise<readonly (string | null)[]>;
}

const setup = "create table if not exists lines (line text)";
const table = { table: "lines", row: (line: string) => ({ line }), setup };

/** A folder, which is copied as a whole. */
function folderPlace(t: TestContext, place: (path: string) => Pick<Place, "sink" | "stored">): Place {
  const folder = temporaryFolder(t);
  const path = join(folder, "now");
  mkdirSync(path);
  return {
    ...place(path),
    copy: async () => cpSync(path, join(folder, "copy"), { recursive: true }),
    async restore() {
      rmSync(path, { recursive: true });
      cpSync(join(folder, "copy"), path, { recursive: true });
    },
  };
}

let server: PostgresServer;
before(async () => {
  server = await startPostgres();
});
after(() => server.stop());

const places: { readonly [sink: string]: (t: TestContext) => Promise<Place> } = {
  sqlite: async (t) =>
    folderPlace(t, (path) => ({
      sink: () => sqlite({ path: join(path, "db"), ...table }),
      stored: async () => rowsOf<[string]>(join(path, "db"), "select line from lines").flat(),
    })),
  files: async (t) =>
    folderPlace(t, (directory) => ({
      sink: () => files({ directory }),
      async stored() {
        const lines: string[] = [];
        for await (const batch of publishedBatches(directory)) {
          for (const { path } of batch.files) lines.push(...readFileSync(path, "utf8").trim().split("\n"));
        }
        return lines.map((line) => JSON.parse(line));
      },
    })),
  async postgres() {
    const connection = await server.createDatabase();
    const name = new URL(connection).pathname.slice(1);
    const admin = connection.replace(/[^/]*$/, "postgres");
    return {
      sink: () => postgres({ connection, ...table }),
      copy: async () => void (await query(admin, `create database ${name}_copy template ${name}`)),
      async restore() {
        await query(admin, `drop database ${name}`);
        await query(admin, `create database ${name} template ${name}_copy`);
      },
      stored: async () => (await query(connection, "select line from lines")).map(({ line }) => String(line)),
    };
  },
  async kafka(t) {
    const mirrored = async (topic: string, to: string) => {
      const records = await committed(topic);
      await produce(
        to,
        records.map(({ key, value, partition }) => ({ key, value, partition })),
      );
      return to;
    };
    let [topic, progress] = [await createTopic(t), await progressTopic()];
    let copies: readonly [string, string];
    return {
      sink: () => kafka<string>({ kafkaParams: kafkaParams(), topic, value: String, progressTopic: progress }),
      async copy() {
        copies = [await mirrored(topic, await createTopic(t)), await mirrored(progress, await progressTopic())];
      },
      async restore() {
        [topic, progress] = copies;
      },
      stored: () => committedValues(topic),
    };
  },
};

async function jobTo(t: TestContext, place: Place) {
  const topic = await createTopic(t);
  const folder = temporaryFolder(t);
  const [checkpointDirectory, copy] = [join(folder, "checkpoint"), join(folder, "copy")];
  let produced = 0;
  return {
    copyCheckpoint: () => cpSync(checkpointDirectory, copy, { recursive: true }),
    restoreCheckpoint() {
      rmSync(checkpointDirectory, { recursive: true });
      cpSync(copy, checkpointDirectory, { recursive: true });
    },
    async produce(batches: number): Promise<void> {
      const from = produced;
      produced += 10 * batches;
      await produceMany(topic, 10 * batches, (i) => String(from + i));
    },
    /** Reads what is there in batches of ten records. */
    async run({ adopt = false } = {}): Promise<void> {
      const job = defineJob(
        { appName: "copies", batchInterval: "1s", master: "local", trigger: "availableNow", maxRatePerPartition: 10 },
        (ssc) => {
          KafkaUtils.createDirectStream(ssc, [topic], {
            "bootstrap.servers": bootstrapServers(),
            "auto.offset.reset": "earliest",
          })
            .map(({ value }) => value ?? "")
            .saveTo(place.sink(), { name: "lines" });
        },
      );
      const running = await runJob(job, { checkpointDirectory, adopt });
      await running.awaitTermination();
    },
    /** How often the lines of each batch of ten are stored. */
    async stored(): Promise<number[]> {
      const counts = Array.from({ length: produced }, () => 0);
      for (const line of await place.stored()) counts[Number(line)]!++;
      return Array.from({ length: produced / 10 }, (_, batch) => {
        const [first, ...others] = counts.slice(10 * batch, 10 * batch + 10);
        assert.ok(others.every((count) => count === first));
        return first!;
      });
    },
  };
}

for (const [name, makePlace] of Object.entries(places)) {
  test(`${name}: an older copy of it is refused, and --adopt goes on without what is missing`, async (t) => {
    const place = await makePlace(t);
    const job = await jobTo(t, place);
    await job.produce(2);
    await job.run();
    await place.copy();
    await job.produce(2);
    await job.run();
    await place.restore();
    await job.produce(1);
    await assert.rejects(job.run(), {
      code: "SINK_BEHIND",
      message: 'Output "lines": its sink holds no batch after 2, but by the checkpoint it has batch 4.',
    });
    assert.deepEqual(await job.stored(), [1, 1, 0, 0, 0]);
    await job.run({ adopt: true });
    assert.deepEqual(await job.stored(), [1, 1, 0, 0, 1]);
    await job.produce(1);
    await job.run();
    assert.deepEqual(await job.stored(), [1, 1, 0, 0, 1, 1]);
  });

  test(`${name}: an older copy of the checkpoint is refused, and with --adopt writes again what came after it`, async (t) => {
    const place = await makePlace(t);
    const job = await jobTo(t, place);
    await job.produce(2);
    await job.run();
    job.copyCheckpoint();
    await job.produce(3);
    await job.run();
    job.restoreCheckpoint();
    await job.produce(1);
    await assert.rejects(job.run(), {
      code: "SINK_AHEAD",
      message: /"lines".*has come to batch 5 and epoch 2.*epoch 2, knows of no batch after 2/,
    });
    assert.deepEqual(await job.stored(), [1, 1, 1, 1, 1, 0]);
    await job.run({ adopt: true });
    assert.deepEqual(await job.stored(), [1, 1, 2, 2, 2, 1], "doubled, not lost");
    await job.produce(1);
    await job.run();
    assert.deepEqual(await job.stored(), [1, 1, 2, 2, 2, 1, 1]);
  });
}
