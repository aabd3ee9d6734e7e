/** What somebody types when batches were left out: look, mend, `--replay`. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { publishedBatches } from "millrace/sinks";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produceMany } from "../helpers/produce.ts";
import { fixture } from "../helpers/run-fixture.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { committedValues, progressTopic } from "../sinks/kafka-topic.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

const millrace = (...args: string[]) => {
  const node = ["--conditions=millrace-source", MAIN, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, node, { encoding: "utf8", timeout: 60_000 });
  return { status, stdout, stderr };
};

test("millrace run --replay does later what a topic and files are missing of batches that were left out", async (t) => {
  const params = {
    brokers: bootstrapServers(),
    from: await createTopic(t, { partitions: 2 }),
    to: await createTopic(t),
    progressTopic: await progressTopic(),
    directory: temporaryFolder(t),
  };
  const checkpoint = join(temporaryFolder(t), "checkpoint");
  const run = (...args: string[]) => {
    const given = Object.entries(params).flatMap(([name, value]) => ["--param", `${name}=${value}`]);
    const job = fileURLToPath(fixture("left-out.ts"));
    return millrace("run", job, "--executors", "2", "--checkpoint-directory", checkpoint, ...given, ...args);
  };
  await produceMany(params.from, 16, (i) => `v${i}`, { partitions: 2 });
  const broken = run("--param", "notInTopic=v5", "--param", "notInFiles=v10");
  assert.equal(broken.status, 0, broken.stderr);
  const shown = millrace("checkpoint", "show", checkpoint).stdout;
  assert.match(shown, /2 batches were left out/);
  assert.match(shown, /batch 2, TASK_FAILED: [\s\S]*batch 3, TASK_FAILED: /);
  assert.match(shown, /files: not done; its sink has nothing of it/);
  const mended = run("--replay", "2", "--replay", "3");
  assert.equal(mended.status, 0, mended.stderr);
  assert.match(mended.stderr, /batch 3, which was left out, is replayed as batch 6/);

  const expected = Array.from({ length: 16 }, (_, i) => `v${i}`).sort();
  assert.deepEqual((await committedValues(params.to)).sort(), expected, "in the topic");
  const inFiles: string[] = [];
  for await (const batch of publishedBatches(params.directory)) {
    for (const { path } of batch.files) inFiles.push(...readFileSync(path, "utf8").trim().split("\n"));
  }
  assert.deepEqual(inFiles.sort(), expected, "in the files");
  assert.match(
    millrace("checkpoint", "show", checkpoint).stdout,
    /was replayed as batch 5[\s\S]*was replayed as batch 6/,
  );
});
