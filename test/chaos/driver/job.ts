import { defineJob, KafkaUtils, type Partition } from "millrace";
import { link } from "./chain.ts";
import { withSinkPoints } from "./sink-points.ts";
import { type Effect, openSink, type Target } from "./sinks.ts";
import { type Strike, Striker } from "./striker.ts";

export interface ChaosParams {
  readonly [name: string]: string;
  readonly brokers: string;
  readonly topic: string;
  /** JSON of a {@link Target}. */
  readonly target: string;
  /** JSON of a {@link Strike}, or "null". */
  readonly strike: string;
}

/**
 * Every record leaves its trace in three outputs: by itself, in a fold of its key within the batch that tells any other order, and in a chain of
 * hashes over all that its key has ever had, which is state.
 */
export default defineJob<ChaosParams>(
  {
    appName: "chaos",
    batchInterval: "50ms",
    // A few batches for each round of new data, so that a strike finds one under way.
    maxRatePerPartition: 160,
    executorMemory: 64,
    params: { brokers: "", topic: "", target: "null", strike: "null" },
  },
  (ssc, { brokers, topic, target, strike }) => {
    const { sink } = JSON.parse(target) as Target;
    const striker = new Striker((JSON.parse(strike) as Strike | null) ?? undefined);
    const pointIn = (task: string) =>
      async function* <T>(partition: Partition<T>) {
        let values = 0;
        for await (const chunk of partition.chunks()) {
          yield* chunk;
          values += chunk.length;
        }
        if (values > 0) striker.reach(`in a ${task} task`);
      };
    const save = () => withSinkPoints<Effect>(openSink(JSON.parse(target) as Target), sink, striker);

    const records = KafkaUtils.createDirectStream(ssc, [topic], {
      "bootstrap.servers": brokers,
      "auto.offset.reset": "earliest",
      "isolation.level": "read_committed",
    }).map(({ key, value, partition, offset }) => ({ key: key ?? "", value: value ?? "", partition, offset }));

    records
      .mapPartitions(pointIn("map"))
      .map(({ partition, offset, value }): Effect => ({ output: "records", key: `${partition}:${offset}`, value }))
      .saveTo(save(), { name: "records" });

    records
      .map(({ key, offset }) => [key, String(offset)])
      .reduceByKey((before, after) => `${before},${after}`)
      .mapPartitions(pointIn("reduce"))
      .map(([key, value]): Effect => ({ output: "folds", key, value }))
      .saveTo(save(), { name: "folds" });

    records
      .map(({ key, value }) => [key, value])
      .mapWithState<Link, Effect>(
        (key, value, state) => {
          // In place, as users do: an attempt that fails must not leave its links behind.
          const chain = state.get() ?? { count: 0, hash: "" };
          chain.count++;
          chain.hash = link(chain.hash, value ?? "");
          state.update(chain);
          return { output: "chains", key, value: `${chain.count}:${chain.hash}` };
        },
        { name: "chains" },
      )
      .mapPartitions(pointIn("state"))
      .saveTo(save(), { name: "chains" });
  },
);

interface Link {
  count: number;
  hash: string;
}
