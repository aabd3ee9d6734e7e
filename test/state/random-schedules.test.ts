import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type DStream, defineJob, type Job, type JobContext, KafkaUtils, type Master, type State } from "millrace";
import { type Border, type TestRun, testJob } from "millrace/testing";
import * as lookingBack from "../fixtures/jobs/looking-back.ts";

/** Random graphs of what looks back on earlier batches, under random schedules of deaths and failures, against the same batches undisturbed. */

const TOPIC = "numbers";
const kafka = { "bootstrap.servers": "nowhere.invalid:9092", "auto.offset.reset": "earliest" } as const;

type Pairs = DStream<[string, number]>;

/** One step of a graph: from pairs to pairs, so that any may follow any. */
type Step = (pairs: Pairs, name: string, ssc: JobContext) => Pairs;

/** Keeps how often and in which order a key came; forgets it in the middle and by a timeout. */
const folded = (
  key: string,
  value: number | undefined,
  state: State<{ sum: number }>,
): [string, number] | undefined => {
  const before = state.get() ?? { sum: 0 };
  if (state.isTimingOut()) return [key, -before.sum];
  // In place on purpose: a try that fails afterwards must not leave it.
  before.sum = (before.sum * 3 + value! + 1) % 10_007;
  if (before.sum % 7 === 0) state.remove();
  else state.update(before);
  return [key, before.sum];
};

const windows = [
  ["1s", "1s"],
  ["3s", "1s"],
  ["2s", "2s"],
  ["4s", "2s"],
  ["3s", "2s"],
  ["1s", "3s"],
] as const;

const FAILURES_MAX = 14;

const add = (a: number, b: number) => a + b;

const stateful = fc.oneof(
  fc.constantFrom<Step>(
    (pairs, name) => pairs.mapWithState(folded, { name, timeout: "2s" }) as Pairs,
    (pairs, name) => pairs.mapWithState(folded, { name, numPartitions: 3 }) as Pairs,
    (pairs, name, ssc) => {
      const initialState = ssc.parallelize<[string, { sum: number }]>([
        ["k1", { sum: 5 }],
        ["initial", { sum: 6 }],
      ]);
      return pairs.mapWithState(folded, { name, timeout: "3s", initialState }) as Pairs;
    },
    (pairs, name) =>
      pairs.updateStateByKey<number>(
        (values, sum) => (values.length === 0 && sum! % 3 === 0 ? undefined : values.reduce(add, sum ?? 0)),
        { name },
      ),
    (pairs, name) =>
      pairs.updateStateByKey<number>((values, sum = 0) => values.reduce(add, sum), {
        name,
        onlyTouched: true,
        numPartitions: 2,
      }),
    (pairs, name) => {
      const counted = pairs.mapWithState(folded, { name });
      return counted.stateSnapshots().map(([key, { sum }]): [string, number] => [key, sum]) as Pairs;
    },
  ),
  fc.tuple(fc.constantFrom(...windows), fc.boolean(), fc.boolean()).map(
    ([[window, slide], inverted, filtered]): Step =>
      (pairs, name) =>
        pairs.reduceByKeyAndWindow(add, {
          name,
          window,
          slide,
          ...(inverted && { inverse: (a: number, b: number) => a - b }),
          ...(filtered && { filter: (_key: string, value: number) => value % 5 !== 0 }),
        }) as Pairs,
  ),
);

const plain = fc.oneof(
  fc.constantFrom<Step>(
    (pairs) => pairs.repartition(3),
    (pairs) => pairs.reduceByKey(add) as Pairs,
    (pairs) => pairs.transform((rdd, time) => (time % 2000 === 0 ? rdd.repartition(2) : rdd)) as Pairs,
    (pairs) => pairs.cache().union(pairs.map(([key, n]): [string, number] => [`${key}'`, n])) as Pairs,
    (pairs) => pairs.join(pairs.reduceByKey(add)).map(([key, [a, b]]): [string, number] => [key, a - 2 * b]) as Pairs,
  ),
  fc.constantFrom(...windows).map(
    ([window, slide]): Step =>
      (pairs) =>
        pairs.window(window, slide),
  ),
);

/** No window of a state: that is refused. */
const graphs = fc
  .tuple(fc.array(plain, { maxLength: 3 }), fc.array(stateful, { minLength: 0, maxLength: 2 }))
  .map(([before, after]) => [...before, ...after]);

type Event =
  | { readonly kind: "send"; readonly count: number }
  | { readonly kind: "tick" }
  | { readonly kind: "crash"; readonly at: Border }
  | { readonly kind: "restart" }
  /** A batch that fails for good, undisturbed too, and is left out. */
  | { readonly kind: "leave out" }
  | { readonly kind: "fail"; readonly what: "task" | "executor"; readonly times: number };

const events = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("send" as const), count: fc.integer({ min: 1, max: 6 }) }) },
    { weight: 5, arbitrary: fc.constant({ kind: "tick" as const }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("crash" as const),
        at: fc.constantFrom<Border>("before plan", "after plan", "after tasks", "after outputs", "after completion"),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
    { weight: 1, arbitrary: fc.constant({ kind: "leave out" as const }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("fail" as const),
        what: fc.constantFrom("task" as const, "executor" as const),
        // As many as make a batch fail, and run again.
        times: fc.integer({ min: 1, max: 5 }),
      }),
    },
  ),
  { minLength: 4, maxLength: 24 },
) satisfies fc.Arbitrary<Event[]>;

interface Seen {
  readonly [place: string]: readonly string[];
}

type Take = (place: string, values: unknown[]) => void;

const jobOf = (steps: readonly (readonly Step[])[]) => (take: Take) => {
  const build = (ssc: JobContext) => {
    const pairs = KafkaUtils.createDirectStream(ssc, [TOPIC], kafka).map(({ key, value }): [string, number] => [
      String(key),
      Number(value),
    ]);
    for (const [i, chain] of steps.entries()) {
      let stream: Pairs = pairs;
      for (const [j, step] of chain.entries()) stream = step(stream, `state-${i}-${j}`, ssc);
      stream.foreachRDD(async (rdd, time, { seq }) => take(`output ${i} batch ${seq} at ${time}`, await rdd.collect()));
    }
  };
  // More often than failures are asked for, and all pauses together shorter than a batch.
  const failedBatch = { retry: 8, backoff: "1ms", otherwise: "continue", acceptGapInState: true } as const;
  return defineJob({ appName: "random", batchInterval: "1s", failedBatch, taskMaxFailures: 2 }, build);
};

/** Plays the events. Undisturbed nothing dies and nothing fails, but the batches are the same. */
async function play(
  jobWith: (take: Take) => Job,
  schedule: readonly Event[],
  disturbed: boolean,
  master: Master = "local",
): Promise<Seen> {
  const seen: { [place: string]: string[] } = {};
  let leavingOut = false;
  const take = (place: string, values: unknown[]) => {
    if (leavingOut) throw new Error("this batch is left out");
    const sorted = values.map((value) => JSON.stringify(value)).sort();
    if (Object.hasOwn(seen, place)) assert.deepEqual(sorted, seen[place], `${place} ran again and gave something else`);
    seen[place] = sorted;
  };
  await using run: TestRun = await testJob(jobWith(take), { topics: { [TOPIC]: { partitions: 2 } }, master });
  let sent = 0;
  let failures = 0;
  for (const event of schedule) {
    switch (event.kind) {
      case "send": {
        const records = Array.from({ length: event.count }, () => {
          const n = sent++;
          return { key: `k${(n * 7) % 5}`, value: String(n % 9), partition: n % 2 };
        });
        run.send(TOPIC, records);
        break;
      }
      case "tick":
        await run.tick();
        break;
      case "crash":
        // Before the plan nothing has happened yet, but a tick has passed.
        if (disturbed || event.at === "before plan") {
          await run.crash(event.at);
          await run.restart();
        }
        // The batch that was under way, or, undisturbed, that batch.
        if (event.at !== "before plan" && !(disturbed && event.at === "after completion")) await run.tick();
        break;
      case "leave out":
        leavingOut = true;
        await run.tick();
        leavingOut = false;
        break;
      case "restart":
        if (disturbed) await run.restart();
        break;
      case "fail":
        // The pauses before so many retries do not add up to a missed tick.
        failures += event.times;
        if (disturbed && failures <= FAILURES_MAX) run.fail(event.what, event.times);
        break;
    }
  }
  await run.tick();
  return seen;
}

test("on threads, which hold different partitions after each failure, it is the same", async () => {
  const numRuns = Number(process.env.SCHEDULES ?? 25) / 5;
  const job = (take: Take) => {
    lookingBack.listener.take = take;
    return lookingBack.default;
  };
  await fc.assert(
    fc.asyncProperty(events, async (schedule) => {
      assert.deepEqual(await play(job, schedule, true, "local[2]"), await play(job, schedule, false));
    }),
    { numRuns, ...(process.env.SEED && { seed: Number(process.env.SEED) }) },
  );
});

test("whatever dies or fails, states and windows give what they give undisturbed", async () => {
  const numRuns = Number(process.env.SCHEDULES ?? 25);
  await fc.assert(
    fc.asyncProperty(fc.array(graphs, { minLength: 1, maxLength: 3 }), events, async (steps, schedule) => {
      assert.deepEqual(await play(jobOf(steps), schedule, true), await play(jobOf(steps), schedule, false));
    }),
    { numRuns, ...(process.env.SEED && { seed: Number(process.env.SEED) }) },
  );
});
