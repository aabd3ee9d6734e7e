import { flow, pairs, range, type SparkFlow } from "./flow.ts";

/** Spark's WindowFunctionTests, at its interval of half a second. */

const slide = "500ms";
const counted = (...counts: number[]): [number, number][] => counts.map((count, value) => [value, count]);

export const windowFunctions: readonly SparkFlow[] = [
  flow(
    "window",
    (ssc) =>
      ssc
        .queueStream(range(1, 6).map((n) => range(n)))
        .window("1.5s", slide)
        .count(),
    [[1], [3], [6], [9], [12], [9], [5]],
  ),
  flow(
    "count_by_window",
    (ssc) => ssc.queueStream(range(1, 6).map((n) => range(n))).countByWindow({ name: "short", window: "1.5s", slide }),
    [[1], [3], [6], [9], [12], [9], [5]],
  ),
  flow(
    "count_by_window_large",
    (ssc) => ssc.queueStream(range(1, 7).map((n) => range(n))).countByWindow({ name: "large", window: "2.5s", slide }),
    [[1], [3], [6], [10], [15], [20], [18], [15], [11], [6]],
  ),
  flow(
    "count_by_value_and_window",
    (ssc) =>
      ssc
        .queueStream(range(1, 7).map((n) => range(n)))
        .countByValueAndWindow({ name: "values", window: "2.5s", slide }),
    [
      counted(1),
      counted(2, 1),
      counted(3, 2, 1),
      counted(4, 3, 2, 1),
      counted(5, 4, 3, 2, 1),
      counted(5, 5, 4, 3, 2, 1),
      counted(4, 4, 4, 3, 2, 1),
      counted(3, 3, 3, 3, 2, 1),
      counted(2, 2, 2, 2, 2, 1),
      counted(1, 1, 1, 1, 1, 1),
    ],
  ),
  flow(
    "group_by_key_and_window",
    (ssc) =>
      ssc
        .queueStream(range(5).map((i) => pairs(["a", i])))
        .groupByKeyAndWindow({ name: "grouped", window: "1.5s", slide }),
    [[0], [0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4], [4]].map((values) => pairs(["a", values])),
  ),
  flow(
    "reduce_by_key_and_window_with_none_invFunc",
    (ssc) =>
      ssc
        .queueStream(range(1, 7).map((n) => range(n)))
        .map((x) => [x, 1])
        .reduceByKeyAndWindow((a, b) => a + b, { name: "reduced", window: "5s", slide: "1s" })
        .filter(([, n]) => n > 0)
        .count(),
    [[2], [4], [6], [6], [6], [6]],
  ),
];
