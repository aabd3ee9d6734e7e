/** Spark's CheckpointTests. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { runJob } from "millrace";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produce } from "../helpers/produce.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import job, { counts } from "./checkpoint-job.ts";
import { range } from "./flow.ts";
import { MASTERS, runFlows } from "./run-flows.ts";

for (const master of MASTERS) {
  test(`transform_function_serializer_failure: no function is serialized; what asks an RDD on an executor is refused as it runs, on ${master}`, async () => {
    await assert.rejects(runFlows("otherFlows", "transform_function_serializer_failure", { master }), {
      code: "ACTION_IN_TRANSFORM",
    });
  });

  test(`get_or_create: counts go on after a restart from the directory and begin anew without it; the build function always runs, on ${master}`, async (t) => {
    const topic = await createTopic(t);
    const checkpointDirectory = temporaryFolder(t);
    const run = async () => {
      counts.length = 0;
      const params = { brokers: bootstrapServers(), topic };
      const running = await runJob(job, { master, checkpointDirectory, params });
      await running.awaitTermination();
      return counts.map((batch) => [...batch].sort());
    };
    const all = (count: number) => range(10).map((i) => [String(i), count]);
    for (const round of [1, 2, 3, 4]) {
      await produce(
        topic,
        range(10).map((i) => ({ value: String(i) })),
      );
      assert.deepEqual(await run(), [all(round)]);
    }
    assert.deepEqual(await run(), [], "nothing is read twice");
    rmSync(checkpointDirectory, { recursive: true });
    assert.deepEqual(await run(), [all(4)], "all is read from the first offset on");
  });
}
