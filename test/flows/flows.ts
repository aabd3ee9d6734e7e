import { type Flow, flow } from "./flow.ts";

const words = [["a", "b", "a", "c"], ["b"], [], ["c", "c", "a"]];

type Pairs = [string, number][][];
const pairs: Pairs = [
  [
    ["a", 1],
    ["b", 2],
    ["a", 3],
  ],
  [["b", 10]],
  [],
  [
    ["a", 5],
    ["c", 7],
  ],
];
const others: Pairs = [
  [["a", 100]],
  [
    ["a", 200],
    ["b", 300],
  ],
  [["b", 400]],
  [
    ["a", 500],
    ["a", 600],
  ],
];

const add = (a: number, b: number) => a + b;

export const flows: readonly Flow[] = [
  flow(
    "map, filter and flatMap",
    { words },
    (s) =>
      s.words
        .filter((word) => word !== "b")
        .flatMap((word) => [word, word.toUpperCase()])
        .map((word) => `${word}!`),
    [["a!", "A!", "a!", "A!", "c!", "C!"], [], [], ["c!", "C!", "c!", "C!", "a!", "A!"]],
  ),
  flow(
    "functions that wait",
    { words },
    (s) =>
      s.words
        .mapAsync(async (word) => word.charCodeAt(0))
        .mapPartitions(async function* (partition) {
          for await (const code of partition) yield code - 96;
        }),
    [[1, 2, 1, 3], [2], [], [3, 3, 1]],
  ),
  flow("reduceByKey", { pairs }, (s) => s.pairs.reduceByKey(add), [
    [
      ["a", 4],
      ["b", 2],
    ],
    [["b", 10]],
    [],
    [
      ["a", 5],
      ["c", 7],
    ],
  ]),
  flow("groupByKey", { pairs }, (s) => s.pairs.groupByKey().mapValues((values) => values.toSorted()), [
    [
      ["a", [1, 3]],
      ["b", [2]],
    ],
    [["b", [10]]],
    [],
    [
      ["a", [5]],
      ["c", [7]],
    ],
  ]),
  flow("countByValue", { words }, (s) => s.words.countByValue(), [
    [
      ["a", 2],
      ["b", 1],
      ["c", 1],
    ],
    [["b", 1]],
    [],
    [
      ["c", 2],
      ["a", 1],
    ],
  ]),
  flow(
    "count and reduce",
    { words },
    (s) =>
      s.words
        .count()
        .map(String)
        .union(s.words.map(() => "x").reduce((a, b) => a + b)),
    [["4", "xxxx"], ["1", "x"], ["0"], ["3", "xxx"]],
  ),
  flow("union", { pairs, others }, (s) => s.pairs.union(s.others).map(([key, n]) => `${key}${n}`), [
    ["a1", "b2", "a3", "a100"],
    ["b10", "a200", "b300"],
    ["b400"],
    ["a5", "c7", "a500", "a600"],
  ]),
  flow("join", { pairs, others }, (s) => s.pairs.join(s.others), [
    [
      ["a", [1, 100]],
      ["a", [3, 100]],
    ],
    [["b", [10, 300]]],
    [],
    [
      ["a", [5, 500]],
      ["a", [5, 600]],
    ],
  ]),
  flow("fullOuterJoin", { pairs, others }, (s) => s.pairs.reduceByKey(add).fullOuterJoin(s.others.reduceByKey(add)), [
    [
      ["a", [4, 100]],
      ["b", [2, undefined]],
    ],
    [
      ["b", [10, 300]],
      ["a", [undefined, 200]],
    ],
    [["b", [undefined, 400]]],
    [
      ["a", [5, 1100]],
      ["c", [7, undefined]],
    ],
  ]),
  flow(
    "transform by batch time, with a fixed RDD",
    { words },
    (s, ssc) => {
      const known = ssc.parallelize(["a"]);
      return s.words.transform((rdd, time) => (time % 2_000 === 0 ? rdd.subtract(known) : rdd.distinct()));
    },
    [["a", "b", "c"], ["b"], [], ["c", "c"]],
  ),
  flow(
    "updateStateByKey",
    { pairs },
    (s) =>
      s.pairs.updateStateByKey<number>((values, sum = 0) => (sum > 10 ? undefined : values.reduce(add, sum)), {
        name: "sums",
      }),
    [
      [
        ["a", 4],
        ["b", 2],
      ],
      [
        ["a", 4],
        ["b", 12],
      ],
      [["a", 4]],
      [
        ["a", 9],
        ["c", 7],
      ],
    ],
  ),
  flow(
    "mapWithState with its snapshots",
    { pairs },
    (s) => {
      const calls = s.pairs.mapWithState<number, string>(
        (key, _, state) => {
          state.update((state.get() ?? 0) + 1);
          return `${key}${state.get()}`;
        },
        { name: "calls" },
      );
      return calls.union(calls.stateSnapshots().map(([key, n]) => `${key}=${n}`));
    },
    [
      ["a1", "b1", "a2", "a=2", "b=1"],
      ["b2", "a=2", "b=2"],
      ["a=2", "b=2"],
      ["a3", "c1", "a=3", "b=2", "c=1"],
    ],
  ),
  flow("window", { words }, (s) => s.words.window("2s"), [
    ["a", "b", "a", "c"],
    ["a", "b", "a", "c", "b"],
    ["b"],
    ["c", "c", "a"],
  ]),
  flow(
    "reduceByKeyAndWindow by its inverse",
    { pairs },
    (s) =>
      s.pairs.reduceByKeyAndWindow(add, {
        name: "window",
        window: "2s",
        inverse: (a, b) => a - b,
        filter: (_, n) => n !== 0,
      }),
    [
      [
        ["a", 4],
        ["b", 2],
      ],
      [
        ["a", 4],
        ["b", 12],
      ],
      [["b", 10]],
      [
        ["a", 5],
        ["c", 7],
      ],
    ],
  ),
  flow(
    "countByValueAndWindow, every second batch",
    { words },
    (s) => s.words.countByValueAndWindow({ name: "counts", window: "4s", slide: "2s" }),
    [
      [],
      [
        ["a", 2],
        ["b", 2],
        ["c", 1],
      ],
      [],
      [
        ["a", 3],
        ["b", 2],
        ["c", 3],
      ],
    ],
  ),
];
