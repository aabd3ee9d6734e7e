/** Text files as an input and as an output. */
import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type DStream, defineJob, runJob } from "millrace";
import type { BatchLimits } from "../../src/graph/source.ts";
import { TextFileSource } from "../../src/graph/text-source.ts";
import { valuesOf } from "../helpers/chunk-values.ts";
import { runGraph } from "../helpers/run-graph.ts";
import { runRdd } from "../helpers/run-rdd.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const partsIn = (directory: string) =>
  readdirSync(directory)
    .sort()
    .map((name) => [name, readFileSync(join(directory, name), "utf8")]);

test("saveAsTextFiles writes a directory per batch, a part per partition, a line per value", async (t) => {
  const folder = temporaryFolder(t);
  const times: number[] = [];
  await runGraph((ssc) => {
    const stream: DStream<unknown> = ssc.queueStream<unknown>([["text", ["a", 1], { b: [null] }], [], ["x"]], {
      numPartitions: 2,
    });
    stream.saveAsTextFiles(join(folder, "out/batch"), "txt");
    stream.foreachRDD((_rdd, time) => void times.push(time));
  });
  assert.deepEqual(
    readdirSync(join(folder, "out")).sort(),
    times.map((time) => `batch-${time}.txt`),
  );
  assert.deepEqual(
    times.map((time) => partsIn(join(folder, `out/batch-${time}.txt`))),
    [
      [
        ["part-00000", "text\n"],
        ["part-00001", '["a",1]\n{"b":[null]}\n'],
      ],
      [
        ["part-00000", ""],
        ["part-00001", ""],
      ],
      [
        ["part-00000", ""],
        ["part-00001", "x\n"],
      ],
    ],
  );
});

test("a batch that runs again replaces its parts; a part that is not whole is never seen", async (t) => {
  const folder = temporaryFolder(t);
  let directory = "";
  let failures = 0;
  let runs = 0;
  const listings: string[][] = [];
  const many = Array.from({ length: 50_000 }, (_, i) => `line ${i}`);
  await runGraph(
    (ssc) => {
      const stream = ssc.queueStream([many], { numPartitions: 2 });
      stream
        .map((line) => {
          if (line === "line 20000" && failures++ === 0) throw new Error("once");
          return `${line} run ${runs}`;
        })
        .saveAsTextFiles(join(folder, "out"));
      stream.foreachRDD((_rdd, time) => {
        directory = join(folder, `out-${time}`);
        listings.push(readdirSync(directory).sort());
        if (++runs === 1) throw new Error("the batch runs again");
      });
    },
    { failedBatch: { retry: 3, backoff: 1 } },
  );
  assert.deepEqual(listings, [
    ["part-00000", "part-00001"],
    ["part-00000", "part-00001"],
  ]);
  const lines = partsIn(directory).flatMap(([, text]) => text!.split("\n").slice(0, -1));
  assert.equal(lines.length, 50_000);
  assert(lines.every((line) => line.endsWith("run 1")));
});

test("a prefix that is no text is refused where it is written", async () => {
  await assert.rejects(
    runGraph((ssc) => ssc.queueStream([[1]]).saveAsTextFiles("")),
    { code: "BAD_OPTION", message: /saveAsTextFiles: "prefix" must be a text/ },
  );
});

test("a directory that cannot be written fails the task with what the system said", async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "file"), "");
  await assert.rejects(
    runGraph((ssc) => ssc.queueStream([[1]]).saveAsTextFiles(join(folder, "file/out")), { taskMaxFailures: 1 }),
    { code: "SINK_FAILED", message: /cannot be written: ENOTDIR/ },
  );
  await assert.rejects(
    runGraph((ssc) => ssc.queueStream([[1]]).saveAsTextFiles("/proc/lines"), { taskMaxFailures: 1 }),
    { code: "SINK_FAILED", message: /^\/proc\/lines\S* cannot be written: ENOENT/ },
    "Node itself would try for ever",
  );
});

test("an RDD is saved as text, by an action, also its empty partitions", async (t) => {
  const folder = temporaryFolder(t);
  const save = (values: number[]) =>
    runRdd(
      (ssc) => ssc.parallelize(values, { numPartitions: 3 }).filter((n) => n > 0),
      (rdd) => rdd.saveAsTextFile(folder),
    );
  await save([1, 2, 3]);
  assert.deepEqual(partsIn(folder), [
    ["part-00000", "1\n"],
    ["part-00001", "2\n"],
    ["part-00002", "3\n"],
  ]);
  await save([]);
  assert.deepEqual(partsIn(folder), [
    ["part-00000", ""],
    ["part-00001", ""],
    ["part-00002", ""],
  ]);
});

/** Runs batches over a directory: `steps` are done one before each batch. @returns the lines of each partition, batch by batch. */
async function readBatches(directory: string, steps: readonly (() => void)[]): Promise<string[][][]> {
  const batches: string[][][] = [];
  const done = Promise.withResolvers<void>();
  const running = await runJob(
    defineJob({ appName: "files", batchInterval: 20, master: "local" }, (ssc) => {
      ssc
        .textFileStream(directory)
        .glom()
        .foreachRDD(async (rdd) => {
          batches.push(await rdd.collect());
          const step = steps[batches.length - 1];
          if (step === undefined) done.resolve();
          else step();
        });
    }),
  );
  await Promise.race([done.promise, running.awaitTermination()]);
  await running.stop();
  return batches.slice(0, steps.length + 1);
}

test("textFileStream gives the lines of the files that came since the batch before", async (t) => {
  const folder = temporaryFolder(t);
  const put = (name: string, text: string) => {
    writeFileSync(join(folder, `.${name}`), text);
    renameSync(join(folder, `.${name}`), join(folder, name));
  };
  put("old", "was there before\n");
  mkdirSync(join(folder, "a-directory"));
  const wide = "é".repeat(100_000);
  const batches = await readBatches(folder, [
    () => put("one", "1\n2\r\n\n3"),
    () => {
      writeFileSync(join(folder, ".hidden"), "not yet\n");
      writeFileSync(join(folder, "_hidden"), "nor this\n");
      writeFileSync(join(folder, "one"), "what comes later is not read\n");
    },
    () => {
      put("two", `${wide}\n`);
      put("zero", "");
      rmSync(join(folder, "one"));
    },
    () => put("one", "again\n"),
  ]);
  assert.deepEqual(batches, [[], [["1", "2", "", "3"]], [], [[wide], []], [["again"]]]);
});

test("a file is read as it was when its batch was planned", async (t) => {
  const folder = temporaryFolder(t);
  const source = new TextFileSource("text", folder);
  const planner = source.openPlanner();
  const { signal } = new AbortController();
  await planner.open(signal, undefined);
  writeFileSync(join(folder, "a"), "planned\n");
  const limits = { intervalMs: 1 } as BatchLimits;
  const { slices } = await planner.plan(limits, signal);
  appendFileSync(join(folder, "a"), "later\n");
  const lines: string[] = [];
  for await (const chunk of source.read(slices[0]!, {
    signal,
    countsOnly: false,
    onBytes() {},
    onDataLoss() {},
    onUndecodable() {},
  }))
    lines.push(...valuesOf(chunk));
  assert.deepEqual(lines, ["planned"]);
  assert.equal((await planner.plan(limits, signal)).slices.length, 1, "a batch that did not complete is planned again");
  planner.complete(slices, { records: 1, bytes: 8, lossy: false });
  assert.deepEqual((await planner.plan(limits, signal)).slices, []);
});

test("whoever waits for files is told of one that is there and of one that comes", async (t) => {
  const folder = temporaryFolder(t);
  const planner = new TextFileSource("text", folder).openPlanner();
  const stop = new AbortController();
  await planner.open(stop.signal, undefined);
  const comes = planner.awaitData(stop.signal);
  writeFileSync(join(folder, "a"), "1\n");
  await comes;
  await planner.awaitData(stop.signal);
  planner.complete((await planner.plan({} as BatchLimits, stop.signal)).slices, { records: 1, bytes: 2, lossy: false });
  const never = planner.awaitData(stop.signal);
  stop.abort(new Error("enough waited"));
  await assert.rejects(never, /enough waited/);
});

test("a directory that is not there is refused at the start, and so is a checkpoint", async (t) => {
  const folder = temporaryFolder(t);
  const run = (directory: string, options = {}) =>
    runJob(
      defineJob({ appName: "files", batchInterval: 20, master: "local" }, (ssc) =>
        ssc.textFileStream(directory).pprint(),
      ),
      options,
    );
  await assert.rejects(run(join(folder, "nowhere")), { code: "BAD_OPTION", message: /cannot look into .*ENOENT/ });
  await assert.rejects(run(""), { code: "BAD_OPTION", message: /textFileStream: the directory must be a text/ });
  await assert.rejects(run(folder, { checkpointDirectory: join(folder, "checkpoint") }), {
    code: "BAD_OPTION",
    message: /cannot be used with a checkpoint/,
  });
});
