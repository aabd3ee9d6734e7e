import { type Duration, parseDuration } from "../model/duration.ts";
import { MillraceError } from "../model/errors.ts";
import { type Check, checkedLater, checkOptions, isDurableName, isFunction } from "../model/options.ts";
import { map } from "../operators/map.ts";
import { combineByKey, groupByKey } from "../shuffle/combine.ts";
import type { Movement, Partitioner } from "../shuffle/movement.ts";
import type { Panes } from "../state/program.ts";
import { panesOf, reduceWindow, type WindowFunctions } from "../state/windowed.ts";
import type { Graph } from "./graph.ts";
import type { Node } from "./node.ts";
import { count, isPartitionCount, narrow } from "./operations.ts";
import type { Named, ShuffleOptions } from "./pair.ts";
import { stateNode } from "./stateful.ts";

/** The nodes behind windows. */

/** Windowed aggregates keep partial results as state, hence a name. Both durations are multiples of the batch interval. */
export interface WindowOptions extends Named {
  window: Duration;
  /** @default that of the stream: the batch interval, or the slide of the window it comes from */
  slide?: Duration | undefined;
}

const WINDOW_CHECKS = { name: isDurableName, window: checkedLater, slide: checkedLater };
const SHUFFLE_CHECKS = { numPartitions: isPartitionCount, partitioner: isFunction };

/** @throws BAD_OPTION when window or slide is no multiple of the batch interval. */
function checkedPanes(
  graph: Graph,
  method: string,
  parent: Node,
  window: Duration,
  slide: Duration | undefined,
): Panes {
  const interval = graph.batchInterval;
  const multiple = (value: Duration, option: string) => {
    const ms = parseDuration(value, option, { minMs: 1 });
    if (ms % interval === 0) return ms;
    throw new MillraceError(
      "BAD_OPTION",
      `${method}: the ${option} of ${ms} ms is no multiple of the batch interval.`,
      {
        hint: `A window consists of whole batches: use a multiple of ${interval} ms.`,
      },
    );
  };
  return panesOf(
    multiple(window, "window"),
    multiple(slide === undefined ? slideOf(parent, interval) : slide, "slide"),
  );
}

/** How far apart the RDDs of a stream are. */
function slideOf(node: Node, interval: number): number {
  switch (node.kind) {
    case "source":
      return interval;
    case "window":
      return node.panes.slide * node.panes.paneMs;
    case "state": {
      const { panes } = node.program;
      return panes === undefined ? slideOf(node.parent, interval) : panes.slide * panes.paneMs;
    }
    case "union":
    case "transform":
      return Math.min(...node.parents.map((parent) => slideOf(parent, interval)));
    default:
      return slideOf(node.parent, interval);
  }
}

export function windowNode(graph: Graph, parent: Node, window: Duration, slide: Duration | undefined): Node {
  const panes = checkedPanes(graph, "window", parent, window, slide);
  return graph.node("window", { kind: "window", parent, panes, options: JSON.stringify(panes) });
}

/** What is reduced over a window, and how a batch's part of it comes about. */
interface Windowed<K, V> extends WindowFunctions<K, V> {
  readonly movementBy: (partitioner: Partitioner | undefined) => Movement;
}

/** Each key's values reduced over the batches of a window. `accepts` are the options that the method has beside the window. */
function windowedNode<K, V>(
  graph: Graph,
  method: string,
  parent: Node,
  { movementBy, reduce, inverse, filter }: Windowed<K, V>,
  options: WindowOptions & ShuffleOptions<K>,
  accepts: { readonly [option: string]: Check } = SHUFFLE_CHECKS,
): Node {
  checkOptions(method, options, { ...WINDOW_CHECKS, ...accepts });
  const { window, slide, name, numPartitions, partitioner } = options;
  if (window === undefined) {
    throw new MillraceError("BAD_OPTION", `${method} needs a window.`, {
      hint: 'For example { name: "views", window: "30s", slide: "10s" }.',
    });
  }
  const panes = checkedPanes(graph, method, parent, window, slide);
  const program = reduceWindow({ reduce, inverse, filter }, panes);
  const described = { ...panes, inverse: inverse !== undefined, filter: filter !== undefined };
  return stateNode(graph, method, parent, movementBy, program, { name, numPartitions, partitioner }, described);
}

export function reduceByKeyAndWindow<K, V>(
  graph: Graph,
  parent: Node,
  reduce: (a: V, b: V) => V,
  options: WindowOptions & ShuffleOptions<K> & Omit<WindowFunctions<K, V>, "reduce">,
): Node {
  const method = "reduceByKeyAndWindow";
  const accepts = { ...SHUFFLE_CHECKS, inverse: isFunction, filter: isFunction };
  checkOptions(method, options, { ...WINDOW_CHECKS, ...accepts });
  const { inverse, filter } = options;
  const windowed = { movementBy: reducing(reduce), reduce, inverse, filter };
  return windowedNode<K, V>(graph, method, parent, windowed, options, accepts);
}

export function groupByKeyAndWindow<K>(graph: Graph, parent: Node, options: WindowOptions & ShuffleOptions<K>): Node {
  const reduce = (a: unknown[], b: unknown[]) => [...a, ...b];
  return windowedNode(graph, "groupByKeyAndWindow", parent, { movementBy: groupByKey, reduce }, options);
}

export function countByValueAndWindow<T>(graph: Graph, parent: Node, options: WindowOptions & ShuffleOptions<T>): Node {
  const method = "countByValueAndWindow";
  const ones = narrow(
    graph,
    method,
    parent,
    map((value) => [value, 1]),
  );
  const filter = (_value: T, count: number) => count > 0;
  return windowedNode(
    graph,
    method,
    ones,
    { movementBy: reducing(add), reduce: add, inverse: subtract, filter },
    options,
  );
}

/** One value per window, from one per batch. */
export function reduceByWindow<T>(
  graph: Graph,
  method: string,
  parent: Node,
  reduce: (a: T, b: T) => T,
  inverse: ((a: T, b: T) => T) | undefined,
  options: WindowOptions,
): Node {
  const keyed = narrow(
    graph,
    method,
    parent,
    map((value) => [null, value]),
  );
  const accepts: { [option: string]: Check } = method === "reduceByWindow" ? { inverse: isFunction } : {};
  const windowed = { movementBy: reducing(reduce), reduce, inverse };
  checkOptions(method, options, { ...WINDOW_CHECKS, ...accepts });
  const { window, slide, name } = options;
  const state = windowedNode(graph, method, keyed, windowed, { window, slide, name, numPartitions: 1 });
  return narrow(
    graph,
    method,
    state,
    map(([, value]: readonly [null, T]) => value),
  );
}

export function countByWindow(graph: Graph, parent: Node, options: WindowOptions): Node {
  return reduceByWindow(graph, "countByWindow", count(graph, parent), add, subtract, options);
}

const add = (a: number, b: number) => a + b;
const subtract = (a: number, b: number) => a - b;

/** Combines before and after the values travel. */
const reducing =
  <V>(reduce: (a: V, b: V) => V) =>
  (partitioner: Partitioner | undefined): Movement =>
    combineByKey({ create: (value: V) => value, mergeValue: reduce, mergeCombiners: reduce }, partitioner) as Movement;
