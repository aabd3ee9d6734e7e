import assert from "node:assert/strict";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { defineJob, KafkaUtils, runJob } from "millrace";
import type { Sink } from "millrace/sinks";
import { bootstrapServers, createTopic } from "./kafka.ts";
import { produceMany } from "./produce.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** A job that saves the numbers of a topic, ten a batch, and keeps a checkpoint: what fails can be cured, and the job started again. */
export async function recoveringJob(t: TestContext) {
  const topic = await createTopic(t);
  const checkpointDirectory = join(temporaryFolder(t), "checkpoint");
  let produced = 0;
  return {
    /** Those that must be there when all is done. */
    numbers: () => [...Array(produced).keys()],
    async produce(count: number): Promise<void> {
      const from = produced;
      produced += count;
      await produceMany(topic, count, (i) => String(from + i));
    },
    /** Until everything is read, or the job fails. */
    async run(sink: Sink<number>): Promise<void> {
      const job = defineJob(
        {
          appName: "numbers",
          batchInterval: "20ms",
          master: "local",
          trigger: "availableNow",
          maxRatePerPartition: 500,
        },
        (ssc) => {
          KafkaUtils.createDirectStream(ssc, [topic], {
            "bootstrap.servers": bootstrapServers(),
            "auto.offset.reset": "earliest",
          })
            .map(({ value }) => Number(value))
            .saveTo(sink, { name: "numbers" });
        },
      );
      const running = await runJob(job, { checkpointDirectory });
      await running.awaitTermination();
    },
    /** Fails with this error at the first start, and again at the next one: nothing is skipped. */
    async fails(sink: Sink<number>, message: RegExp, hint: RegExp): Promise<void> {
      for (let starts = 0; starts < 2; starts++) {
        await assert.rejects(this.run(sink), { code: "SINK_FAILED", message, hint });
      }
    },
  };
}
