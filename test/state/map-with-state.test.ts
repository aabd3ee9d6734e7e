import assert from "node:assert/strict";
import { test } from "node:test";
import type { DStream, State } from "millrace";
import { runPipeline } from "millrace/testing";

type Pairs = DStream<[string, number]>;

const sum = (key: string, value: number | undefined, state: State<number>) => {
  const total = (state.get() ?? 0) + (value ?? 0);
  state.update(total);
  return [key, total] as const;
};

test("mapWithState is called once per pair and emits what its function returns", async () => {
  const batches: [string, number][][] = [
    [
      ["a", 1],
      ["b", 2],
      ["a", 3],
    ],
    [["a", 10]],
    [],
  ];
  const result = await runPipeline(batches, (s: Pairs) => s.mapWithState(sum, { name: "sums" }), { numPartitions: 2 });
  assert.deepEqual(
    result.map((batch) => batch.toSorted()),
    [
      [
        ["a", 1],
        ["a", 4],
        ["b", 2],
      ],
      [["a", 14]],
      [],
    ],
  );
});

test("what a function leaves undefined is not emitted", async () => {
  const everySecond = (_key: string, _value: number | undefined, state: State<number>) => {
    const calls = (state.get() ?? 0) + 1;
    state.update(calls);
    return calls % 2 === 0 ? calls : undefined;
  };
  const batches: [string, number][][] = [
    [
      ["a", 0],
      ["a", 0],
      ["a", 0],
    ],
    [["a", 0]],
  ];
  assert.deepEqual(await runPipeline(batches, (s: Pairs) => s.mapWithState(everySecond, { name: "calls" })), [
    [2],
    [4],
  ]);
});

test("snapshots show every key after each batch, removed ones not", async () => {
  const keep = (_key: string, value: number | undefined, state: State<number>) => {
    if (value === 0) state.remove();
    else state.update(value ?? 0);
  };
  const batches: [string, number][][] = [[["a", 1]], [["b", 2]], [["a", 0]]];
  const snapshots = await runPipeline(batches, (s: Pairs) => s.mapWithState(keep, { name: "last" }).stateSnapshots());
  assert.deepEqual(snapshots, [
    [["a", 1]],
    [
      ["a", 1],
      ["b", 2],
    ],
    [["b", 2]],
  ]);
});

test("a key that nobody touched for longer than the timeout is called once more, timing out, and is gone", async () => {
  const calls = (key: string, value: number | undefined, state: State<number>, time: number) => {
    if (state.isTimingOut()) return [key, "timed out", time, state.get()];
    state.update(value ?? 0);
    return [key, state.exists(), time, value];
  };
  const batches: [string, number][][] = [
    [
      ["a", 1],
      ["b", 2],
    ],
    [["b", 3]],
    [],
    [],
    [],
    [["a", 4]],
  ];
  const result = await runPipeline(batches, (s: Pairs) => s.mapWithState(calls, { name: "t", timeout: "2s" }));
  assert.deepEqual(result, [
    [
      ["a", true, 1000, 1],
      ["b", true, 1000, 2],
    ],
    [["b", true, 2000, 3]],
    [],
    [["a", "timed out", 4000, 1]],
    [["b", "timed out", 5000, 3]],
    [["a", true, 6000, 4]],
  ]);
});

test("a state that is timing out or was removed cannot be updated", async () => {
  const updateAfterRemove = (_key: string, _value: number | undefined, state: State<number>) => {
    state.remove();
    state.update(1);
  };
  const run = runPipeline([[["a", 1]]] as [string, number][][], (s: Pairs) =>
    s.mapWithState(updateAfterRemove, { name: "x" }),
  );
  await assert.rejects(run, { code: "WRONG_STATE", message: /cannot be updated after it was removed/ });
  const updateTimingOut = (_key: string, _value: number | undefined, state: State<number>) => state.update(1);
  const timingOut = runPipeline([[["a", 1]], [], [], []] as [string, number][][], (s: Pairs) =>
    s.mapWithState(updateTimingOut, { name: "x", timeout: "1s" }),
  );
  await assert.rejects(timingOut, { code: "WRONG_STATE", message: /while it is timing out/ });
});

test("a state handle that was kept refuses to be used later", async () => {
  let kept: State<number> | undefined;
  const keep = (_key: string, _value: number | undefined, state: State<number>) => {
    if (kept !== undefined) kept = undefined;
    state.update(1);
    kept = state;
    return 1;
  };
  await runPipeline([[["a", 1]]] as [string, number][][], (s: Pairs) => s.mapWithState(keep, { name: "x" }));
  assert.throws(() => kept?.get(), {
    code: "WRONG_STATE",
    message: /after the function that got the state had returned/,
  });
});

test("a state begins with its initial values, in its first batch only", async () => {
  const batches: [string, number][][] = [
    [["a", 1]],
    [
      ["b", 1],
      ["c", 1],
    ],
  ];
  const pipeline = (s: Pairs, ssc: { parallelize<T>(values: Iterable<T>): never }) =>
    s.mapWithState(sum, {
      name: "sums",
      initialState: ssc.parallelize([
        ["a", 10],
        ["b", 20],
      ] as [string, number][]),
    });
  const result = await runPipeline(batches, pipeline as never, { numPartitions: 2 });
  assert.deepEqual(
    result.map((batch) => batch.toSorted()),
    [
      [["a", 11]],
      [
        ["b", 21],
        ["c", 1],
      ],
    ],
  );
});

test("keys are equal by value, also structured ones", async () => {
  const count = (key: { user: string }, _value: number | undefined, state: State<number>) => {
    state.update((state.get() ?? 0) + 1);
    return [key.user, state.get()] as const;
  };
  const batches = [
    [[{ user: "a" }, 1]],
    [
      [{ user: "a" }, 1],
      [{ user: "b" }, 1],
    ],
  ] as [{ user: string }, number][][];
  const result = await runPipeline(batches, (s: DStream<[{ user: string }, number]>) =>
    s.mapWithState(count, { name: "n" }),
  );
  assert.deepEqual(result, [
    [["a", 1]],
    [
      ["a", 2],
      ["b", 1],
    ],
  ]);
});

test("a function that throws half way has changed nothing, whatever it did to the state in place", async () => {
  let failures = 0;
  const failOnce = (_key: string, value: number | undefined, state: State<{ values: number[] }>) => {
    const held = state.get() ?? { values: [] };
    held.values.push(value ?? 0);
    if (value === 2 && failures++ === 0) throw new Error("half way");
    state.update(held);
    return [...held.values];
  };
  const batches: [string, number][][] = [[["a", 1]], [["a", 2]], [["a", 3]]];
  const result = await runPipeline(batches, (s: Pairs) => s.mapWithState(failOnce, { name: "lists" }));
  assert.deepEqual(result, [[[1]], [[1, 2]], [[1, 2, 3]]]);
  assert.equal(failures, 1 + 1);
});

test("a state advances once per batch, whatever the number of outputs behind it", async () => {
  const batches: [string, number][][] = [[["a", 1]], [["a", 1]]];
  const result = await runPipeline(batches, (s: Pairs) => {
    const sums = s.mapWithState(sum, { name: "sums" });
    sums.foreachRDD(async (rdd) => void (await rdd.count()));
    return sums.union(sums);
  });
  assert.deepEqual(result, [
    [
      ["a", 1],
      ["a", 1],
    ],
    [
      ["a", 2],
      ["a", 2],
    ],
  ]);
});

test("a value that would not survive is refused with its path when it is first written", async () => {
  class Total {}
  const put = (_key: string, _value: number | undefined, state: State<unknown>) => state.update({ total: new Total() });
  const run = runPipeline([[["a", 1]]] as [string, number][][], (s: Pairs) => s.mapWithState(put, { name: "totals" }));
  await assert.rejects(run, { code: "NOT_CLONEABLE", message: /state "totals".*total is an instance of Total/ });
});

test("a Buffer in a state is refused when it is first written: after a recovery it would be a Uint8Array", async () => {
  const keep = (value: unknown) => {
    const put = (_key: string, _value: number | undefined, state: State<unknown>) => state.update(value);
    return runPipeline([[["a", 1]]] as [string, number][][], (s: Pairs) => s.mapWithState(put, { name: "last" }));
  };
  const refused = (path: RegExp) => ({ code: "NOT_CLONEABLE", message: path, hint: /Uint8Array\.from/ });
  await assert.rejects(keep(Buffer.from("x")), refused(/state "last" value\[0\] is a Buffer/));
  await assert.rejects(keep({ deep: [1, Buffer.from("x")] }), refused(/value\[0\]\.deep\[1\] is a Buffer/));
  await assert.rejects(keep(new Map([["a", Buffer.from("x")]])), refused(/value\[0\]\[0\]\[1\] is a Buffer/));
  const large = new Uint8Array(new ArrayBuffer(8), 2, 2);
  await keep({ large, at: new Date(0), whole: new Uint8Array(3), numbers: new Set([1]) });
});

test("a state needs a name of its own", async () => {
  const batches: [string, number][][] = [[]];
  const unnamed = runPipeline(batches, (s: Pairs) => s.mapWithState(sum, {} as never));
  await assert.rejects(unnamed, { code: "BAD_OPTION", message: /mapWithState needs a name/ });
  const twice = runPipeline(batches, (s: Pairs) => {
    const options = { name: "sums" };
    return s.mapWithState(sum, options).union(s.mapWithState(sum, options));
  });
  await assert.rejects(twice, { code: "BAD_OPTION", message: /Two states are named "sums"/ });
});
