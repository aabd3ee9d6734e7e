import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runJob } from "millrace";
import { MemoryDisk } from "../checkpoint/memory-store.ts";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produceMany } from "../helpers/produce.ts";
import { jobUrl } from "../helpers/write-job.ts";

const JOB = `
import { appendFileSync } from "node:fs";
import { defineJob, KafkaUtils } from "millrace";

export default defineJob(
  { appName: "changing", batchInterval: "1s", trigger: "availableNow", params: { brokers: "", topic: "", fail: false, dieFor: "" } },
  (ssc, { brokers, topic, fail, dieFor }) => {
    const stream = KafkaUtils.createDirectStream(ssc, [topic], { "bootstrap.servers": brokers, "auto.offset.reset": "earliest" });
    stream
      .map(({ value }) => {
        if (dieFor) {
          appendFileSync(dieFor, "// deployed");
          process.exit(3);
        }
        return [value, 1];
      })
      .updateStateByKey((values, sum = 0) => sum + values.length, { name: "sums" })
      .foreachRDD(async (rdd) => {
        if (fail) throw new Error("no");
        await rdd.count();
      });
  },
);
`;

test("a batch that other code has half done is run only by who accepts that", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  await produceMany(topic, 3, (i) => `v${i}`);
  const disk = new MemoryDisk();
  const module = jobUrl(t, JOB);
  const run = async (fail: boolean, acceptChangedCode = false) => {
    const params = { brokers: bootstrapServers(), topic, fail };
    const openStore = async () => disk.store();
    const running = await runJob(module, { master: "local", params, openStore, acceptChangedCode } as never);
    await running.awaitTermination();
  };
  await assert.rejects(run(true), { code: "OUTPUT_FAILED" });
  await assert.rejects(run(true), { code: "OUTPUT_FAILED" }, "the same code goes on");
  appendFileSync(fileURLToPath(module), "\n// mended\n");
  await assert.rejects(run(false), {
    code: "PLAN_MISMATCH",
    message: /by other code than this/,
    hint: /--accept-changed-code/,
  });
  await run(false, true);
  appendFileSync(fileURLToPath(module), "\n// nothing is pending now\n");
  await run(false);
});

test("an executor that is replaced does not import code that was deployed meanwhile", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  await produceMany(topic, 3, (i) => `v${i}`);
  const module = jobUrl(t, JOB);
  const path = fileURLToPath(module);
  const params = { brokers: bootstrapServers(), topic, dieFor: path };
  // Also with a policy that leaves batches out: all that follow would be left out too.
  const failedBatch = { otherwise: "continue", acceptGapInState: true } as const;
  const running = await runJob(module, { master: "local[1]", params, failedBatch });
  await assert.rejects(running.awaitTermination(), {
    code: "CODE_CHANGED",
    message: /job.ts or its lock file has changed/,
  });
});
