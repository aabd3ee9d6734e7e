/** Each sink: a batch that was left out, wherever it failed, is replayed for what is missing in it, and every line is there once. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, type TestContext, test } from "node:test";
import { defineJob, type FailurePolicy, KafkaUtils, runJob } from "millrace";
import { files, jsonLines, kafka, postgres, publishedBatches, type Sink, sqlite } from "millrace/sinks";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { type PostgresServer, query, startPostgres } from "../helpers/postgres.ts";
import { produceMany } from "../helpers/produce.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { committedValues, kafkaParams, progressTopic } from "../sinks/kafka-topic.ts";

interface Place {
  /** Fails at the line that is refused. */
  sink(accept: (line: string) => string): Sink<string>;
  stored(): Promise<readonly unknown[]>;
}

let server: PostgresServer;
before(async () => {
  server = await startPostgres();
});
after(() => server.stop());

const setup = "create table if not exists lines (line text)";

const places: { readonly [sink: string]: (t: TestContext) => Promise<Place> } = {
  async sqlite(t) {
    const path = join(temporaryFolder(t), "db");
    return {
      sink: (accept) => sqlite<string>({ path, setup, table: "lines", row: (line) => ({ line: accept(line) }) }),
      async stored() {
        using db = new DatabaseSync(path);
        return db
          .prepare("select line from lines")
          .all()
          .map(({ line }) => line);
      },
    };
  },
  async postgres() {
    const connection = await server.createDatabase();
    return {
      sink: (accept) =>
        postgres<string>({ connection, setup, table: "lines", row: (line) => ({ line: accept(line) }) }),
      stored: async () => (await query(connection, "select line from lines")).map(({ line }) => line),
    };
  },
  async kafka(t) {
    const topic = await createTopic(t);
    const progress = await progressTopic();
    return {
      sink: (value) => kafka<string>({ kafkaParams: kafkaParams(), topic, value, progressTopic: progress }),
      stored: () => committedValues(topic),
    };
  },
  async files(t) {
    const directory = temporaryFolder(t);
    const { extension, encode } = jsonLines<string>();
    return {
      sink: (accept) =>
        files<string>({
          directory,
          format: {
            extension,
            encode: (values) => encode(mapped(values, accept)),
          },
        }),
      async stored() {
        const lines: string[] = [];
        for await (const batch of publishedBatches(directory)) {
          for (const { path } of batch.files) lines.push(...readFileSync(path, "utf8").trim().split("\n"));
        }
        return lines.map((line) => JSON.parse(line));
      },
    };
  },
};

async function* mapped(values: AsyncIterable<readonly string[]>, accept: (line: string) => string) {
  for await (const some of values) yield some.map(accept);
}

interface Run {
  readonly refused?: string;
  /** The batch of which the function before the sink fails, and that of which the one after it does. */
  readonly failBefore?: number;
  readonly failAfter?: number;
  readonly failedBatch?: FailurePolicy;
  readonly replay?: readonly number[];
}

/** Batches of four lines from two partitions, past one function of the driver, to the sink, and past another one. */
async function jobTo(t: TestContext, place: Place, { besideState = false } = {}) {
  const topic = await createTopic(t, { partitions: 2 });
  const checkpointDirectory = join(temporaryFolder(t), "checkpoint");
  const heard: { [name: string]: string[] } = { before: [], after: [] };
  let produced = 0;
  return {
    async produce(batches: number) {
      const from = produced;
      produced += 4 * batches;
      await produceMany(topic, 4 * batches, (i) => `v${from + i}`, { partitions: 2 });
    },
    async run({ refused, failBefore, failAfter, ...options }: Run = {}) {
      const accept = (line: string) => {
        if (line === refused) throw new Error("not this one");
        return line;
      };
      const job = defineJob(
        {
          appName: "replayed",
          batchInterval: "1s",
          master: "local",
          trigger: "availableNow",
          maxRatePerPartition: 2,
          taskMaxFailures: 1,
          failedBatch: { otherwise: "continue", acceptGapInState: true },
        },
        (ssc) => {
          const lines = KafkaUtils.createDirectStream(ssc, [topic], {
            "bootstrap.servers": bootstrapServers(),
            "auto.offset.reset": "earliest",
          }).map(({ value }) => value ?? "");
          if (besideState) {
            const lengths = lines.map((line) => [line.length, line]).mapWithState(() => 0, { name: "lengths" });
            lengths.foreachRDD(async (rdd) => void (await rdd.count()), { name: "counted" });
          }
          const hear = (name: "before" | "after", failAt: number | undefined) =>
            lines.foreachRDD(
              async (rdd, _, { seq }) => {
                if (seq === failAt) throw new Error("not this batch");
                heard[name]!.push(...(await rdd.collect()));
              },
              { name },
            );
          hear("before", failBefore);
          lines.saveTo(place.sink(accept), { name: "lines" });
          hear("after", failAfter);
        },
      );
      const running = await runJob(job, { checkpointDirectory, ...options });
      await running.awaitTermination();
    },
    async assertOnce() {
      const expected = Array.from({ length: produced }, (_, i) => `v${i}`).sort();
      assert.deepEqual((await place.stored()).toSorted(), expected, "stored");
      assert.deepEqual(heard.after!.toSorted(), expected, "heard after it");
    },
  };
}

/** In batch `seq`, of which v7 is a line. */
const failures: { readonly [where: string]: (seq: number) => Run } = {
  "in one of its partitions": () => ({ refused: "v7" }),
  "before the sink": (seq) => ({ failBefore: seq }),
  "after the sink": (seq) => ({ failAfter: seq }),
};

for (const [name, makePlace] of Object.entries(places)) {
  for (const [where, failIn] of Object.entries(failures)) {
    test(`${name}: a batch that failed ${where} is replayed after later ones, and once`, async (t) => {
      const { produce, run, assertOnce } = await jobTo(t, await makePlace(t));
      await produce(3);
      await run(failIn(2));
      await produce(1);
      await run({ replay: [2] });
      await assertOnce();
      await produce(1);
      await run({ replay: [2] });
      await assertOnce();
    });

    test(`${name}: a replay that fails ${where} too, and stops, is gone on with by the next run`, async (t) => {
      const { produce, run, assertOnce } = await jobTo(t, await makePlace(t));
      await produce(3);
      await run(failIn(2));
      await assert.rejects(run({ ...failIn(4), replay: [2], failedBatch: "stop" }), /not this/);
      await produce(1);
      await run();
      await assertOnce();
    });

    test(`${name}: a replay that fails ${where} too, and is left out, is replayed by its own number`, async (t) => {
      const { produce, run, assertOnce } = await jobTo(t, await makePlace(t));
      await produce(3);
      await run(failIn(2));
      await run({ ...failIn(4), replay: [2] });
      await produce(1);
      await run({ replay: [4] });
      await assertOnce();
    });
  }
}

test("sqlite: it is not taken for done because tasks have advanced a state", async (t) => {
  const { produce, run, assertOnce } = await jobTo(t, await places.sqlite!(t), { besideState: true });
  await produce(2);
  await run({ failBefore: 2 });
  await run({ replay: [2] });
  await assertOnce();
});
