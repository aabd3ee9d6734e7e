import { flow, pairs, range, type SparkFlow } from "./flow.ts";

/** What Spark's other suites run: some of these fail, so each runs alone. */

const special = (): never => {
  throw new Error("This is a special error");
};
const four = [[1], [2], [3], [4]];

export const otherFlows: readonly SparkFlow[] = [
  flow("batch_info_reports", (ssc) => ssc.queueStream(four), four),
  flow("failed_func", (ssc) => ssc.queueStream([range(1, 5)]).map(special), []),
  flow(
    "failed_func2",
    (ssc) => ssc.queueStream([range(1, 5)]).transformWith(ssc.queueStream([range(1, 5)]), special),
    [],
  ),
  flow(
    "failed_func_with_reseting_failure",
    (ssc) => ssc.queueStream([[0], [1], [2], [3]]).map((x) => (x === 1 ? special() : x)),
    [[0], [2], [3]],
  ),
  flow(
    "transform_function_serializer_failure",
    (ssc) => {
      const rdd = ssc.parallelize([1]);
      return ssc.queueStream([[1]]).mapAsync(() => rdd.count());
    },
    [],
  ),
  flow("queue_stream", (ssc) => ssc.queueStream([[0], [0, 1], [0, 1, 2]]), [[0], [0, 1], [0, 1, 2]]),
  flow("union", (ssc) => ssc.union(ssc.queueStream([range(1), range(2)]), ssc.queueStream([range(1), range(2)])), [
    [0, 0],
    [0, 1, 0, 1],
  ]),
  flow(
    "transform",
    (ssc) =>
      ssc.transform(
        [ssc.queueStream([[1]]), ssc.queueStream([[2]]), ssc.queueStream([[3]])],
        ([first, second, third]) => second.union(third).union(first),
      ),
    [[2, 3, 1]],
  ),
  flow(
    "transform_pairrdd",
    (ssc) =>
      ssc
        .queueStream([pairs([1, 1], [2, 1])])
        .transformWith(ssc.queueStream([pairs([1, 2])]), (some, others) => some.join(others)),
    [[[1, [1, 2]]]],
  ),
  flow("text_file_stream", (ssc, { directory }) => ssc.textFileStream(directory), [
    range(10).map(String),
    range(10).map(String),
  ]),
];
