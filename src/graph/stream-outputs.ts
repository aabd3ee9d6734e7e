import type { Time } from "../model/duration.ts";
import { MillraceError } from "../model/errors.ts";
import { checkArgument, checkOptions, isDurableName, isInteger, isText } from "../model/options.ts";
import type { BatchContext, TaskContext } from "../model/plan.ts";
import type { Partition } from "../operators/partition.ts";
import type { Sink } from "../operators/sink.ts";
import { writeTextPart } from "../operators/text-part.ts";
import type { BatchRDD } from "./batch-rdd.ts";
import type { Graph } from "./graph.ts";
import type { Node } from "./node.ts";
import { requireFunction } from "./operations.ts";
import type { Named } from "./pair.ts";
import { printBatch } from "./print.ts";

/** What a stream can end in. Outputs run in the order they were declared. */
export class StreamOutputs<out T> {
  /** @internal */
  readonly node: Node;
  /** @internal */
  protected readonly graph: Graph;

  /** Not for users. */
  constructor(node: Node, graph: Graph) {
    this.node = node;
    this.graph = graph;
  }

  /**
   * At least once. The one function of a stream that runs on the driver. Spark: Scala's argument order; PySpark has (time, rdd).
   * @runs driver
   */
  foreachRDD(
    f: (rdd: BatchRDD<T>, time: Time, batch: BatchContext) => void | Promise<void>,
    options: Partial<Named> = {},
  ): void {
    requireFunction("foreachRDD", f);
    checkOptions("foreachRDD", options, { name: isText });
    this.graph.output("foreachRDD", { kind: "foreachRDD", node: this.node, f }, options.name);
  }

  /** At least once, in parallel, with the key of an idempotent write, (seq, partition), at hand. @runs executor */
  foreachPartition(
    f: (partition: Partition<T>, task: TaskContext) => void | Promise<void>,
    options: Partial<Named> = {},
  ): void {
    requireFunction("foreachPartition", f);
    checkOptions("foreachPartition", options, { name: isText });
    this.graph.output("foreachPartition", { kind: "foreachPartition", node: this.node, f }, options.name);
  }

  /**
   * Exactly once: the sink keeps rows and progress in one atomic step, so that a batch that runs again writes nothing twice, and a driver
   * that was replaced writes nothing. A batch becomes visible partition by partition, or as a whole, as the sink says.
   */
  saveTo(sink: Sink<T>, options: Named): void {
    checkOptions("saveTo", options, { name: isDurableName });
    if (options.name === undefined || typeof sink?.["~sink"] !== "object") {
      throw new MillraceError("BAD_OPTION", "saveTo takes a sink and { name }.", {
        hint: 'For example: saveTo(sqlite({ ... }), { name: "totals" }). The name is how the sink knows this output after a restart.',
      });
    }
    this.graph.output("saveTo", { kind: "saveTo", node: this.node, sink: sink["~sink"] }, options.name);
  }

  /**
   * At least once: writes each batch into a directory `prefix-TIME[.suffix]` of its own, each partition as `part-00000`, each value as a line:
   * a text as it is, anything else as JSON. A part appears when it is whole; a batch that runs again replaces its parts. @runs executor
   */
  saveAsTextFiles(prefix: string, suffix = ""): void {
    const example = 'For example saveAsTextFiles("out/views", "txt").';
    checkArgument("saveAsTextFiles", '"prefix"', prefix, isText, example);
    if (suffix !== "") checkArgument("saveAsTextFiles", '"suffix"', suffix, isText, example);
    const save = (values: Partition<T>, task: TaskContext) =>
      writeTextPart(`${prefix}-${task.batchTime}${suffix && `.${suffix}`}`, values, task);
    this.graph.output("saveAsTextFiles", { kind: "foreachPartition", node: this.node, f: save });
  }

  /** Prints the first `num` values of each batch, in Spark's layout. */
  pprint(num = 10): void {
    checkArgument("pprint", '"num"', num, isInteger(0), "For example pprint(20).");
    const print = async (rdd: BatchRDD<T>, time: Time) => printBatch(time, await rdd.take(num + 1), num);
    this.graph.output("pprint", { kind: "foreachRDD", node: this.node, f: print });
  }
}
