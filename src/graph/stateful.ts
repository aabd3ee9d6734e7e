import { type Duration, parseDuration } from "../model/duration.ts";
import { MillraceError } from "../model/errors.ts";
import { type Check, checkedLater, checkOptions, isBoolean, isDurableName, isFunction } from "../model/options.ts";
import { map } from "../operators/map.ts";
import { groupByKey } from "../shuffle/combine.ts";
import { type Movement, type Partitioner, partitionBy } from "../shuffle/movement.ts";
import { mapWithState, type StateFunction } from "../state/map-with-state.ts";
import type { StateProgram } from "../state/program.ts";
import { updateStateByKey } from "../state/update-state-by-key.ts";
import type { Graph } from "./graph.ts";
import type { Node, NodeOf } from "./node.ts";
import { isPartitionCount, narrow, union } from "./operations.ts";
import type { ShuffleOptions } from "./pair.ts";
import { RDD } from "./rdd.ts";

/** The nodes behind what keeps state from batch to batch. */

export interface StateOptions<K, S> extends ShuffleOptions<K> {
  /** Durable identity of this state: letters, digits, dashes; unique in the job. */
  name: string;
  /** What is there before the very first batch. Spark: `StateSpec.initialState`. */
  initialState?: RDD<readonly [K, S]> | undefined;
}

export interface MapWithStateOptions<K, S> extends StateOptions<K, S> {
  /** A key that nobody touched for longer is called once more, without a value and timing out, and removed. @default none */
  timeout?: Duration | undefined;
}

export interface UpdateStateOptions<K, S> extends StateOptions<K, S> {
  /** Visits and emits only the keys that have values in the batch. Spark visits all. @default false */
  onlyTouched?: boolean | undefined;
}

const isRDD: Check = (value) =>
  value instanceof RDD ? undefined : "must be an RDD, from ssc.parallelize or createRDD";

const STATE_CHECKS = {
  name: isDurableName,
  numPartitions: isPartitionCount,
  partitioner: isFunction,
  initialState: isRDD,
};

export function mapWithStateNode<K, V, S, U>(
  graph: Graph,
  parent: Node,
  f: StateFunction<K, V, S, U>,
  options: MapWithStateOptions<K, S>,
): NodeOf<"state"> {
  checkOptions("mapWithState", options, { ...STATE_CHECKS, timeout: checkedLater });
  const timeoutMs = options.timeout === undefined ? undefined : parseDuration(options.timeout, "timeout", { minMs: 1 });
  const program = mapWithState(f, timeoutMs);
  return stateNode(graph, "mapWithState", parent, partitionBy, program, options, { timeoutMs });
}

export function updateStateNode<K, V, S>(
  graph: Graph,
  parent: Node,
  update: (values: V[], state: S | undefined) => S | undefined,
  options: UpdateStateOptions<K, S>,
): Node {
  checkOptions("updateStateByKey", options, { ...STATE_CHECKS, onlyTouched: isBoolean });
  const { onlyTouched = false } = options;
  const program = updateStateByKey<K, V, S>(update, onlyTouched);
  return stateNode(graph, "updateStateByKey", parent, groupByKey, program, options, { onlyTouched });
}

/** A state over what `movementBy` brings together by key. */
export function stateNode<K, S>(
  graph: Graph,
  method: string,
  parent: Node,
  movementBy: (partitioner: Partitioner | undefined) => Movement,
  program: StateProgram<never, never, never, unknown>,
  options: StateOptions<K, S>,
  described: object,
): NodeOf<"state"> {
  const { name, numPartitions, initialState } = options;
  if (name === undefined) {
    throw new MillraceError("BAD_OPTION", `${method} needs a name.`, {
      hint: `For example { name: "visits" }. By its name a state is found again after a restart.`,
    });
  }
  const partitioner = options.partitioner as Partitioner | undefined;
  const byKey = (from: Node) =>
    graph.node(method, {
      kind: "shuffle",
      parent: from,
      movement: movementBy(partitioner),
      numPartitions: undefined,
      pinnedBy: name,
      options: JSON.stringify({ state: name, partitioner: partitioner !== undefined }),
    });
  const tagged = (from: Node, isInitial: boolean) =>
    narrow(
      graph,
      method,
      from,
      map(([key, value]: readonly [unknown, unknown]) => [key, [isInitial, value]]),
    );
  return graph.node(method, {
    kind: "state",
    parent: byKey(parent),
    initialParent: initialState && byKey(union(graph, [tagged(initialState.node, true), tagged(parent, false)])),
    stateName: name,
    program: program as StateProgram,
    numPartitions,
    partitioner,
    options: JSON.stringify({ state: name, kind: program.kind, numPartitions, ...described }),
  });
}
