import type { Folded } from "millrace";
import { flow, pairs, range, type SparkFlow } from "./flow.ts";

/** Spark's BasicOperationTests. */

const oneToTwelve = [range(1, 5), range(5, 9), range(9, 13)];
const inTwo = { numPartitions: 2 };
const add = (a: number, b: number) => a + b;

const left = [pairs(["a", 1], ["b", 2])];
const right = [pairs(["b", 3], ["c", 4])];

const perKey = [
  pairs([1, 1], [2, 1], [3, 1], [4, 1]),
  pairs([1, 1], [1, 1], [1, 1], [2, 1], [2, 1], [3, 1]),
  pairs<string | number, number>(["a", 1], ["a", 1], ["b", 1], ["", 1], ["", 1], ["", 1]),
];

const values = [
  pairs<string | number, number>(["a", 2], ["b", 2], ["c", 1], ["d", 1]),
  pairs<string | number, number>(["", 4], [1, 1], [2, 2], [3, 3]),
  pairs<string | number, number>([1, 1], [2, 1], [3, 1], [4, 1]),
];

export const basicOperations: readonly SparkFlow[] = [
  flow("map", (ssc) => ssc.queueStream(oneToTwelve).map(String), [
    ["1", "2", "3", "4"],
    ["5", "6", "7", "8"],
    ["9", "10", "11", "12"],
  ]),
  flow("flatMap", (ssc) => ssc.queueStream(oneToTwelve).flatMap((x) => [x, x * 2]), [
    [1, 2, 2, 4, 3, 6, 4, 8],
    [5, 10, 6, 12, 7, 14, 8, 16],
    [9, 18, 10, 20, 11, 22, 12, 24],
  ]),
  flow("filter", (ssc) => ssc.queueStream(oneToTwelve).filter((x) => x % 2 === 0), [
    [2, 4],
    [6, 8],
    [10, 12],
  ]),
  flow("count", (ssc) => ssc.queueStream([range(5), range(10), range(20)]).count(), [[5], [10], [20]]),
  flow("reduce", (ssc) => ssc.queueStream(oneToTwelve).reduce(add), [[10], [26], [42]]),
  flow(
    "reduceByKey",
    (ssc) =>
      ssc
        .queueStream([
          pairs<string | number, number>(["a", 1], ["a", 1], ["b", 1], ["b", 1]),
          pairs<string | number, number>(["", 1], ["", 1], ["", 1], ["", 1]),
          pairs<string | number, number>([1, 1], [1, 1], [2, 1], [2, 1], [3, 1]),
        ])
        .reduceByKey(add),
    [pairs(["a", 2], ["b", 2]), pairs(["", 4]), pairs([1, 2], [2, 2], [3, 1])],
  ),
  flow("mapValues", (ssc) => ssc.queueStream(values).mapValues((x) => x + 10), [
    pairs(["a", 12], ["b", 12], ["c", 11], ["d", 11]),
    pairs<string | number, number>(["", 14], [1, 11], [2, 12], [3, 13]),
    pairs([1, 11], [2, 11], [3, 11], [4, 11]),
  ]),
  flow("flatMapValues", (ssc) => ssc.queueStream(values).flatMapValues((x) => [x, x + 10]), [
    pairs(["a", 2], ["a", 12], ["b", 2], ["b", 12], ["c", 1], ["c", 11], ["d", 1], ["d", 11]),
    pairs<string | number, number>(["", 4], ["", 14], [1, 1], [1, 11], [2, 2], [2, 12], [3, 3], [3, 13]),
    pairs([1, 1], [1, 11], [2, 1], [2, 11], [3, 1], [3, 11], [4, 1], [4, 11]),
  ]),
  flow("glom", (ssc) => ssc.queueStream(oneToTwelve, inTwo).glom(), [
    [
      [1, 2],
      [3, 4],
    ],
    [
      [5, 6],
      [7, 8],
    ],
    [
      [9, 10],
      [11, 12],
    ],
  ]),
  flow(
    "mapPartitions",
    (ssc) =>
      ssc.queueStream(oneToTwelve, inTwo).mapPartitions(async function* (partition) {
        let sum = 0;
        for await (const x of partition) sum += x;
        // Spark's test sees only partitions with values, as it looks no further than its data.
        if (sum > 0) yield sum;
      }),
    [
      [3, 7],
      [11, 15],
      [19, 23],
    ],
  ),
  flow(
    "countByValue",
    (ssc) =>
      ssc
        .queueStream<string | number>([
          [...range(1, 5), ...range(1, 5)],
          [5, 6, ...range(5, 9)],
          ["a", "a", "b", ""],
        ])
        .countByValue(),
    [pairs([1, 2], [2, 2], [3, 2], [4, 2]), pairs([5, 2], [6, 2], [7, 1], [8, 1]), pairs(["a", 2], ["b", 1], ["", 1])],
  ),
  flow(
    "groupByKey",
    (ssc) => ssc.queueStream<[string | number, number]>(perKey as [string | number, number][][]).groupByKey(),
    [
      pairs([1, [1]], [2, [1]], [3, [1]], [4, [1]]),
      pairs([1, [1, 1, 1]], [2, [1, 1]], [3, [1]]),
      pairs(["a", [1, 1]], ["b", [1]], ["", [1, 1, 1]]),
    ],
  ),
  flow(
    "combineByKey",
    (ssc) =>
      ssc.queueStream<[string | number, number]>(perKey as [string | number, number][][]).combineByKey(
        String,
        (a: string, b: Folded<number>) => a + String(b),
        (a: string, b: string) => a + b,
      ),
    [
      pairs([1, "1"], [2, "1"], [3, "1"], [4, "1"]),
      pairs([1, "111"], [2, "11"], [3, "1"]),
      pairs(["a", "11"], ["b", "1"], ["", "111"]),
    ],
  ),
  flow(
    "repartition",
    (ssc) =>
      ssc
        .queueStream([...oneToTwelve], inTwo)
        .repartition(1)
        .glom()
        .filter((values) => values.length > 0),
    [[[1, 2, 3, 4]], [[5, 6, 7, 8]], [[9, 10, 11, 12]]],
  ),
  flow(
    "union",
    (ssc) => ssc.queueStream([range(3), range(5), range(6)]).union(ssc.queueStream([range(3, 6), range(5, 6)])),
    [range(6), range(6), range(6)],
  ),
  flow(
    "cogroup",
    (ssc) =>
      ssc
        .queueStream<[string | number, number]>([
          pairs<string | number, number>([1, 1], [2, 1], [3, 1]),
          pairs<string | number, number>([1, 1], [1, 1], [1, 1], [2, 1]),
          pairs<string | number, number>(["a", 1], ["a", 1], ["b", 1], ["", 1], ["", 1]),
        ])
        .cogroup(
          ssc.queueStream<[string | number, number]>([
            pairs<string | number, number>([1, 2]),
            pairs<string | number, number>([4, 1]),
            pairs<string | number, number>(["a", 1], ["a", 1], ["b", 1], ["", 1], ["", 2]),
          ]),
        ),
    [
      [
        [1, [[1], [2]]],
        [2, [[1], []]],
        [3, [[1], []]],
      ],
      [
        [1, [[1, 1, 1], []]],
        [2, [[1], []]],
        [4, [[], [1]]],
      ],
      [
        [
          "a",
          [
            [1, 1],
            [1, 1],
          ],
        ],
        ["b", [[1], [1]]],
        [
          "",
          [
            [1, 1],
            [1, 2],
          ],
        ],
      ],
    ],
  ),
  flow("join", (ssc) => ssc.queueStream(left).join(ssc.queueStream(right)), [[["b", [2, 3]]]]),
  flow("left_outer_join", (ssc) => ssc.queueStream(left).leftOuterJoin(ssc.queueStream(right)), [
    [
      ["a", [1, undefined]],
      ["b", [2, 3]],
    ],
  ]),
  flow("right_outer_join", (ssc) => ssc.queueStream(left).rightOuterJoin(ssc.queueStream(right)), [
    [
      ["b", [2, 3]],
      ["c", [undefined, 4]],
    ],
  ]),
  flow("full_outer_join", (ssc) => ssc.queueStream(left).fullOuterJoin(ssc.queueStream(right)), [
    [
      ["a", [1, undefined]],
      ["b", [2, 3]],
      ["c", [undefined, 4]],
    ],
  ]),
  flow(
    "update_state_by_key",
    (ssc) =>
      ssc
        .queueStream(range(5).map((i) => pairs(["k", i])))
        .updateStateByKey<number[]>((values, state = []) => [...state, ...values], { name: "appended" }),
    range(1, 6).map((n) => pairs(["k", range(n)])),
  ),
  flow(
    "update_state_by_key_initial_rdd",
    (ssc) =>
      ssc
        .queueStream(range(3).map((i) => pairs(["k", i + 1])))
        .updateStateByKey<number[]>((values, state = []) => [...state, ...values], {
          name: "begun",
          initialState: ssc.parallelize(pairs(["k", [0]])),
        }),
    range(2, 5).map((n) => pairs(["k", range(n)])),
  ),
];
