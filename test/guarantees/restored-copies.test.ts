import assert from "node:assert/strict";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { defineJob, KafkaUtils, type Logger, runJob } from "millrace";
import { defineSink, files, publishedBatches, type Sink, sqlite } from "millrace/sinks";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produceMany } from "../helpers/produce.ts";
import { rowsOf } from "../helpers/sqlite.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

interface Run {
  readonly adopt?: boolean;
  readonly also?: Sink<string>;
  readonly failAt?: number;
  readonly refused?: string;
  readonly failedBatch?: "continue" | "stop";
  readonly logger?: Logger;
  /** Before the database is asked for its progress. */
  readonly beforeAsked?: () => Promise<void>;
}

function asking(sink: Sink<string>, beforeAsked: () => Promise<void>): Sink<string> {
  const definition = sink["~sink"];
  const progress: typeof definition.progress = async (connection, output) => {
    await beforeAsked();
    return definition.progress?.(connection, output);
  };
  return defineSink<string, unknown>({ ...definition, progress } as never);
}

/** A job whose database and whose checkpoint are files, so that either can be copied and restored without the other. */
async function jobOnFiles(t: TestContext) {
  const topic = await createTopic(t, { partitions: 1 });
  const folder = temporaryFolder(t);
  const database = join(folder, "database");
  const directory = join(folder, "files");
  const checkpointDirectory = join(folder, "checkpoint");
  let produced = 0;
  return {
    database: join(database, "db"),
    directory,
    checkpointDirectory,
    copy: (what: string) => cpSync(join(folder, what), join(folder, `copy of ${what}`), { recursive: true }),
    restore(what: string) {
      rmSync(join(folder, what), { recursive: true });
      cpSync(join(folder, `copy of ${what}`), join(folder, what), { recursive: true });
    },
    /** Reads what is there in batches of ten records. */
    async run({ also, failAt, refused, beforeAsked, failedBatch = "continue", ...options }: Run = {}): Promise<void> {
      mkdirSync(database, { recursive: true });
      const sink = sqlite<string>({
        path: join(database, "db"),
        table: "lines",
        row(line) {
          if (line === refused) throw new Error("the database does not take this one");
          return { line };
        },
        setup: "create table if not exists lines (line text)",
      });
      const job = defineJob(
        { appName: "copies", batchInterval: "1s", master: "local", trigger: "availableNow", maxRatePerPartition: 10 },
        (ssc) => {
          const lines = KafkaUtils.createDirectStream(ssc, [topic], {
            "bootstrap.servers": bootstrapServers(),
            "auto.offset.reset": "earliest",
          }).map(({ value }) => value ?? "");
          lines.saveTo(beforeAsked === undefined ? sink : asking(sink, beforeAsked), { name: "lines" });
          lines.saveTo(files({ directory }), { name: "files" });
          if (also !== undefined) lines.saveTo(also, { name: "also" });
          lines.foreachRDD((_, __, { seq }) => {
            if (seq === failAt) throw new Error("this batch fails");
          });
        },
      );
      const running = await runJob(job, { checkpointDirectory, failedBatch, ...options });
      await running.awaitTermination();
    },
    async produce(batches: number): Promise<void> {
      const from = produced;
      produced += 10 * batches;
      await produceMany(topic, 10 * batches, (i) => `v${from + i}`);
    },
    /** How often each line is in the database, by the number of its batch of ten. */
    stored(): number[] {
      const rows = rowsOf<[string]>(join(database, "db"), "select line from lines");
      const counts = Array.from({ length: produced }, () => 0);
      for (const [line] of rows) counts[Number(line.slice(1))]!++;
      return Array.from({ length: produced / 10 }, (_, batch) => {
        const [first, ...others] = counts.slice(10 * batch, 10 * batch + 10);
        assert.ok(others.every((count) => count === first));
        return first!;
      });
    },
  };
}

test("a database that was restored from an older copy is refused with both values, and --adopt goes on without what is missing", async (t) => {
  const job = await jobOnFiles(t);
  await job.produce(2);
  await job.run();
  job.copy("database");
  await job.produce(2);
  await job.run();
  job.restore("database");
  await job.produce(1);
  const refused = {
    code: "SINK_BEHIND",
    message: 'Output "lines": its sink holds no batch after 2, but by the checkpoint it has batch 4.',
    hint: /--adopt/,
  };
  await assert.rejects(job.run(), refused);
  await assert.rejects(job.run(), refused, "at every start");
  assert.deepEqual(job.stored(), [1, 1, 0, 0, 0]);
  const told: string[] = [];
  const nothing = () => {};
  const logger = {
    debug: nothing,
    info: nothing,
    error: nothing,
    warn: (_: object, text: string) => void told.push(text),
  };
  await job.run({ adopt: true, logger });
  assert.match(told.join(), /adopted: Output "lines"/);
  assert.deepEqual(job.stored(), [1, 1, 0, 0, 1]);
  await job.produce(1);
  await job.run();
  assert.deepEqual(job.stored(), [1, 1, 0, 0, 1, 1], "what was adopted is not held against it again");
});

test("a database whose tables were dropped is refused", async (t) => {
  const job = await jobOnFiles(t);
  await job.produce(2);
  await job.run();
  const db = new DatabaseSync(job.database);
  db.exec("drop table lines; drop table millrace_progress");
  db.close();
  await assert.rejects(job.run(), {
    code: "SINK_BEHIND",
    message: 'Output "lines": its sink holds nothing of this checkpoint, but by the checkpoint it has batch 2.',
  });
});

test("published files that are gone are missed", async (t) => {
  const job = await jobOnFiles(t);
  await job.produce(1);
  await job.run();
  rmSync(job.directory, { recursive: true });
  await assert.rejects(job.run(), { code: "SINK_BEHIND", message: /"files".*nothing.*batch 1/ });
});

test("a checkpoint that was restored from an older copy is refused, and with --adopt writes again what came after it", async (t) => {
  const job = await jobOnFiles(t);
  await job.produce(2);
  await job.run();
  job.copy("checkpoint");
  await job.produce(3);
  await job.run();
  job.restore("checkpoint");
  await job.produce(1);
  await assert.rejects(job.run(), {
    code: "SINK_AHEAD",
    message: /"lines".*has come to batch 5 and epoch 2.*epoch 2, knows of no batch after 2/,
    hint: /--adopt/,
  });
  assert.deepEqual(job.stored(), [1, 1, 1, 1, 1, 0]);
  await job.run({ adopt: true });
  assert.deepEqual(job.stored(), [1, 1, 2, 2, 2, 1], "doubled, not lost");
  const seqs: number[] = [];
  for await (const { seq } of publishedBatches(job.directory)) seqs.push(seq);
  assert.deepEqual(seqs, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  await job.run();
});

test("a checkpoint that another copy has left behind by its epochs only is refused, and taken over with a higher one", async (t) => {
  const job = await jobOnFiles(t);
  await job.produce(1);
  await job.run({ failAt: 1, failedBatch: "stop" }).catch(() => {});
  job.copy("checkpoint");
  for (let starts = 0; starts < 3; starts++) {
    await job.run({ failAt: 1, failedBatch: "stop" }).catch(() => {});
  }
  job.restore("checkpoint");
  await assert.rejects(job.run(), { code: "SINK_AHEAD", message: /batch 1 and epoch 4.*epoch 2, .*after 1/ });
  await job.run({ adopt: true });
  assert.deepEqual(job.stored(), [1], "the pending batch is still the one that the sinks know");
  await job.produce(1);
  await job.run();
  assert.deepEqual(job.stored(), [1, 1]);
});

test("a checkpoint that was deleted begins a new history: its batches are no repeats of those that the sinks know by the same numbers", async (t) => {
  const { run, produce, stored, checkpointDirectory } = await jobOnFiles(t);
  await produce(2);
  await run();
  rmSync(checkpointDirectory, { recursive: true });
  await run();
  assert.deepEqual(stored(), [2, 2]);
});

test("a sink that a newer driver has fenced while this one starts is no sign of a copy: this one is told that it was replaced", async (t) => {
  const { run, produce, stored } = await jobOnFiles(t);
  await produce(1);
  await run();
  await produce(1);
  await assert.rejects(run({ beforeAsked: () => run() }), { code: "FENCED" });
  assert.deepEqual(stored(), [1, 1]);
});

test("a batch that was left out, a new output, and a sink that cannot tell are not held against anyone", async (t) => {
  const job = await jobOnFiles(t);
  await job.produce(1);
  await job.run({ refused: "v5" });
  await job.run();
  assert.deepEqual(job.stored(), [0]);
  let written = 0;
  const mute = defineSink<string, void>({
    open: async () => {},
    fence: async () => {},
    close: async () => {},
    async commitBatch(_, partitions) {
      for (const partition of partitions) for await (const _line of partition) written++;
      return "written";
    },
  });
  for (let starts = 0; starts < 2; starts++) {
    await job.produce(1);
    await job.run({ also: mute });
  }
  assert.equal(written, 20);
});

test("an output that goes to another database than before is refused", async (t) => {
  const job = await jobOnFiles(t);
  const also = (name: string) =>
    sqlite<string>({
      path: `${job.database}-${name}`,
      table: "lines",
      row: (line) => ({ line }),
      setup: "create table if not exists lines (line text)",
    });
  await job.produce(1);
  await job.run({ also: also("first") });
  await assert.rejects(job.run({ also: also("second") }), { code: "SINK_BEHIND", at: { operator: "also" } });
  await job.run({ also: also("first") });
});
