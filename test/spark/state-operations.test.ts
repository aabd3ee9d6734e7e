/** Spark's MapWithStateSuite and MapWithStateRDDSuite, and updateStateByKey of its BasicOperationsSuite: their inputs and numbers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DStream, Duration, State } from "millrace";
import { runPipeline } from "millrace/testing";
import { pairs, range } from "./flow.ts";
import { inAnyOrder } from "./run-flows.ts";

const letters = ["", "a", "ab", "abc", "ab", "a", ""].map((batch) => [...batch]);
const totals = [
  pairs<string, number>(),
  pairs(["a", 1]),
  pairs(["a", 2], ["b", 1]),
  pairs(["a", 3], ["b", 2], ["c", 1]),
  pairs(["a", 4], ["b", 3], ["c", 1]),
  pairs(["a", 5], ["b", 3], ["c", 1]),
  pairs(["a", 5], ["b", 3], ["c", 1]),
];
const ones = (stream: DStream<string>) => stream.map((letter) => [letter, 1]);

test("mapWithState gives what its function returns, and snapshots the state of every key", async () => {
  const count = (_key: string, value: number | undefined, state: State<number>) => {
    state.update((state.get() ?? 0) + (value ?? 0));
    return state.get();
  };
  const counted = (stream: DStream<string>) => ones(stream).mapWithState(count, { name: "counts" });
  const returned = await runPipeline(letters, counted, { numPartitions: 2 });
  assert.deepEqual(returned.map(inAnyOrder), [[], [1], [1, 2], [1, 2, 3], [3, 4], [5], []]);
  const snapshots = await runPipeline(letters, (s: DStream<string>) => counted(s).stateSnapshots());
  assert.deepEqual(snapshots.map(inAnyOrder), totals);
});

test("initial states are there before the first value, also those that nobody touches", async () => {
  const initial = pairs(["a", 5], ["b", 10], ["c", -20], ["d", 0]);
  const add = (_key: string, value: number | undefined, state: State<number>): undefined => {
    state.update((state.get() ?? 0) + (value ?? 0));
  };
  const snapshots = await runPipeline(letters, (stream: DStream<string>, ssc) => {
    const initialState = ssc.parallelize(initial, { numPartitions: 2 });
    return ones(stream).mapWithState(add, { name: "begun", initialState }).stateSnapshots();
  });
  const [a, b, c] = [
    [5, 6, 7, 8, 9, 10, 10],
    [10, 10, 11, 12, 13, 13, 13],
    [-20, -20, -20, -19, -19, -19, -19],
  ] as const;
  assert.deepEqual(
    snapshots.map(inAnyOrder),
    range(7).map((i) => pairs(["a", a[i]!], ["b", b[i]!], ["c", c[i]!], ["d", 0])),
  );
});

/** The function of MapWithStateRDDSuite: a value says what is done to its key's state. */
function told(key: string, order: string | undefined, state: State<number>): string | undefined {
  switch (order) {
    case "update":
      state.update((state.get() ?? -1) + 1);
      return undefined;
    case "get":
      return `${key} is ${state.get() ?? "none"}`;
    case "remove":
      state.remove();
      return `${key} removed, exists: ${state.exists()}`;
    case undefined:
      return `${key} times out at ${state.get()}, exists: ${state.exists()}, timing out: ${state.isTimingOut()}`;
    default:
      return undefined;
  }
}

/** What the function said in each batch, and the states after it. */
async function tell(batches: readonly (readonly [string, string][])[], timeout?: Duration) {
  const outputs = await runPipeline(batches, (stream: DStream<[string, string]>) => {
    const stateful = stream.mapWithState(told, { name: "told", timeout });
    return stateful
      .map((text): [string, unknown] => ["said", text])
      .union(stateful.stateSnapshots().map((state): [string, unknown] => ["state", state]));
  });
  const of = (kind: string) => outputs.map((batch) => batch.filter(([k]) => k === kind).map(([, value]) => value));
  return { said: of("said"), states: of("state") };
}

test("a function that only looks makes no state, and several values of a batch see what the ones before did", async () => {
  const { said, states } = await tell([
    pairs(["k", "noop"]),
    pairs(["k", "get"]),
    pairs(["k", "update"]),
    pairs(["k", "update"], ["k", "update"], ["k", "get"]),
    pairs(["k", "remove"], ["k", "get"], ["k", "update"]),
  ]);
  assert.deepEqual(said, [[], ["k is none"], [], ["k is 2"], ["k removed, exists: false", "k is none"]]);
  assert.deepEqual(states, [[], [], [["k", 0]], [["k", 2]], [["k", 0]]]);
});

test("a state that is not there may be removed", async () => {
  const { said, states } = await tell([pairs(["k", "update"]), pairs(["x", "remove"]), pairs(["k", "remove"])]);
  assert.deepEqual(said, [[], ["x removed, exists: false"], ["k removed, exists: false"]]);
  assert.deepEqual(states, [[["k", 0]], [["k", 0]], []]);
});

test("with a timeout any value of a key keeps it, also one that changes nothing; only what is older than the timeout goes", async () => {
  const { said, states } = await tell(
    [pairs(["k", "update"], ["l", "update"]), [], pairs(["k", "noop"]), [], [], [], []],
    "3s",
  );
  assert.deepEqual(said, [
    ...[[], [], [], []],
    ["l times out at 0, exists: true, timing out: true"],
    [],
    ["k times out at 0, exists: true, timing out: true"],
  ]);
  assert.deepEqual(states.map(inAnyOrder), [
    ...range(4).map(() => pairs(["k", 0], ["l", 0])),
    pairs(["k", 0]),
    pairs(["k", 0]),
    [],
  ]);
});

test("updateStateByKey with the values of a state that is changed in place, and left out when nothing came twice", async () => {
  interface Life {
    count: number;
    idle: number;
  }
  const batches = ["ab", "", "aca", "c", "", ""].map((batch) => [...batch]);
  const lives = await runPipeline(batches, (stream: DStream<string>) =>
    ones(stream)
      .updateStateByKey<Life>(
        (values, life = { count: 0, idle: 0 }) => {
          life.count += values.length;
          life.idle = values.length > 0 ? 0 : life.idle + 1;
          return life.idle === 2 ? undefined : life;
        },
        { name: "lives" },
      )
      .mapValues(({ count }) => count),
  );
  assert.deepEqual(lives.map(inAnyOrder), [
    pairs(["a", 1], ["b", 1]),
    pairs(["a", 1], ["b", 1]),
    pairs(["a", 3], ["c", 1]),
    pairs(["a", 3], ["c", 2]),
    pairs(["c", 2]),
    [],
  ]);
});

test("updateStateByKey adds to initial states, and shows those that got nothing", async () => {
  const outputs = await runPipeline(letters.slice(1), (stream: DStream<string>, ssc) =>
    ones(stream).updateStateByKey<number>((values, state = 0) => state + values.length, {
      name: "sums",
      initialState: ssc.parallelize(pairs(["a", 1], ["c", 2])),
    }),
  );
  const [a, b, c] = [
    [2, 3, 4, 5, 6, 6],
    [0, 1, 2, 3, 3, 3],
    [2, 2, 3, 3, 3, 3],
  ] as const;
  const expected = range(6).map((i) => pairs(["a", a[i]!], ["b", b[i]!], ["c", c[i]!]).filter(([, n]) => n > 0));
  assert.deepEqual(outputs.map(inAnyOrder), expected);
});
