/** A sink of which one partition is behind the checkpoint, while the others hold what they should, is refused, with that partition and both batches. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { defineJob, KafkaUtils, runJob } from "millrace";
import { kafka, postgres, type Sink } from "millrace/sinks";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { type PostgresServer, query, startPostgres } from "../helpers/postgres.ts";
import { produce, produceMany } from "../helpers/produce.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { committed, kafkaParams, progressTopic } from "../sinks/kafka-topic.ts";

/** Where a sink writes, and how the progress of single partitions is put back. */
interface Place {
  sink(refused?: string): Sink<string>;
  /** To an earlier batch; undefined where nothing of it is left. */
  putBack(partition: number, seq: number | undefined): Promise<void>;
}

let server: PostgresServer;
before(async () => {
  server = await startPostgres();
});
after(() => server.stop());

function refuse(line: string, refused: string | undefined): string {
  if (line === refused) throw new Error("not this one");
  return line;
}

const places: { readonly [sink: string]: (t: TestContext) => Promise<Place> } = {
  async postgres() {
    const connection = await server.createDatabase();
    const setup = "create table if not exists lines (line text)";
    return {
      sink: (refused) =>
        postgres<string>({ connection, setup, table: "lines", row: (line) => ({ line: refuse(line, refused) }) }),
      async putBack(partition, seq) {
        const change =
          seq === undefined ? "delete from millrace_progress" : `update millrace_progress set seq = ${seq}, epoch = 1`;
        await query(connection, `${change} where partition = ${partition}`);
      },
    };
  },
  async kafka(t) {
    const topic = await createTopic(t);
    let progress = await progressTopic();
    return {
      sink: (refused) =>
        kafka<string>({
          kafkaParams: kafkaParams(),
          topic,
          value: (line) => refuse(line, refused),
          progressTopic: progress,
        }),
      async putBack(partition, seq) {
        const notes = new Map((await committed(progress)).map(({ key, value }) => [key, value]));
        progress = await progressTopic();
        for (const [key, value] of notes) {
          const isBehind = key?.endsWith(`.lines.${partition}`);
          if (isBehind && seq === undefined) continue;
          const note = isBehind ? JSON.stringify({ ...JSON.parse(value!), seq }) : value;
          await produce(progress, [{ key, value: note, partition: 0 }]);
        }
      },
    };
  },
};

/** Batches of one record from each of three partitions. */
async function jobTo(t: TestContext, place: Place) {
  const topic = await createTopic(t, { partitions: 3 });
  const checkpointDirectory = join(temporaryFolder(t), "checkpoint");
  let produced = 0;
  return {
    async produce(batches: number): Promise<void> {
      const from = produced;
      produced += 3 * batches;
      await produceMany(topic, 3 * batches, (i) => `v${from + i}`, { partitions: 3 });
    },
    async run({ refused, ...options }: { refused?: string; adopt?: boolean; replay?: number[] } = {}): Promise<void> {
      const job = defineJob(
        {
          appName: "partly",
          batchInterval: "1s",
          master: "local",
          trigger: "availableNow",
          maxRatePerPartition: 1,
          taskMaxFailures: 1,
          failedBatch: "continue",
        },
        (ssc) => {
          KafkaUtils.createDirectStream(ssc, [topic], {
            "bootstrap.servers": bootstrapServers(),
            "auto.offset.reset": "earliest",
          })
            .map(({ value }) => value ?? "")
            .saveTo(place.sink(refused), { name: "lines" });
        },
      );
      const running = await runJob(job, { checkpointDirectory, ...options });
      await running.awaitTermination();
    },
  };
}

const behind = (message: string) => ({
  code: "SINK_BEHIND",
  message: `Output "lines": ${message}`,
  at: { operator: "lines" },
});

for (const [name, makePlace] of Object.entries(places)) {
  test(`${name}: one partition of an older copy is refused, and --adopt goes on without what is missing of it`, async (t) => {
    const place = await makePlace(t);
    const job = await jobTo(t, place);
    await job.produce(3);
    await job.run();
    await job.run();
    await place.putBack(1, 2);
    const older = behind("of partition 1 its sink holds no batch after 2, but by the checkpoint it has batch 3.");
    await assert.rejects(job.run(), older);
    await assert.rejects(job.run(), older, "at every start");
    await place.putBack(0, 1);
    await assert.rejects(
      job.run(),
      behind(
        "of partition 0 its sink holds no batch after 1, but by the checkpoint it has batch 3. Behind is also: 1.",
      ),
    );
    await job.run({ adopt: true });
    await job.produce(1);
    await job.run();
    await place.putBack(2, undefined);
    await assert.rejects(
      job.run(),
      behind("of partition 2 its sink holds nothing of this checkpoint, but by the checkpoint it has batch 4."),
    );
  });

  test(`${name}: a partition that it had of a batch that was left out is missed too, and after a replay each has its own number`, async (t) => {
    const place = await makePlace(t);
    const job = await jobTo(t, place);
    await job.produce(2);
    await job.run({ refused: "v5" });
    await place.putBack(0, 1);
    await assert.rejects(
      job.run(),
      behind("of partition 0 its sink holds no batch after 1, but by the checkpoint it has batch 2."),
    );
    await place.putBack(0, 2);
    await job.run({ replay: [2] });
    await job.run();
    await place.putBack(2, 1);
    await assert.rejects(
      job.run(),
      behind("of partition 2 its sink holds no batch after 1, but by the checkpoint it has batch 3."),
    );
  });
}
