import type { DStream, JobContext, RDD, State } from "millrace";
import * as model from "./model.ts";
import { type Key, type Pair, textOf } from "./values.ts";

/** The steps of pipelines of pairs, each twice: on a stream of the engine, and on a stream of the model. */

/** The same stream, there and here. */
export interface Both {
  readonly stream: DStream<Pair>;
  readonly model: model.Stream<Pair>;
  /** Whether the values of a key come in the order that the inputs had. After a shuffle that is open. */
  readonly ordered: boolean;
  /** Whether the model knows what is in which partition. */
  readonly placed: boolean;
  /** Whether there are batches in which it has no RDD. */
  readonly sparse: boolean;
}

interface Site {
  readonly ssc: JobContext;
  /** Unique among the states of the job. */
  readonly name: string;
  readonly choice: number;
  /** Any stream that is there already. */
  readonly other: Both;
}

export type Apply = (both: Both, site: Site) => Both;

const WINDOWS: readonly model.Window[] = [
  { window: 1, slide: 1 },
  { window: 3, slide: 1 },
  { window: 2, slide: 2 },
  { window: 4, slide: 2 },
  { window: 3, slide: 2 },
  { window: 1, slide: 3 },
  { window: 20, slide: 1 },
];
const seconds = (n: number) => `${n}s` as const;
const durations = ({ window, slide }: model.Window) => ({ window: seconds(window), slide: seconds(slide) });
const pick = <T>(from: readonly T[], choice: number): T => from[choice % from.length]!;

const add = (a: number, b: number) => a + b;
/** Not the engine's hash: any number that equal keys share. */
const partitionOf = (key: Key) =>
  [...textOf(key)].reduce((total, letter) => (total * 7 + letter.charCodeAt(0)) % 1009, 0);
/** Tells the order of values apart. */
const folded = (values: readonly number[]) => values.reduce((a, b) => (a * 3 + b) % 1009, 1);
const sorted = (values: readonly number[]) => folded(values.toSorted((a, b) => a - b));
const inOrder = ({ ordered }: Both) => (ordered ? folded : sorted);

/** A shuffle: order and places are lost, unless a partitioner says where keys go. */
const shuffled = (placed = false) => ({ ordered: false, placed });

const placings = [{}, { numPartitions: 3 }, { numPartitions: 3, partitioner: partitionOf }] as const;

const narrow = (both: Both, stream: DStream<Pair>, f: (values: readonly Pair[]) => Pair[]): Both => ({
  ...both,
  stream,
  model: model.perPartition(both.model, f),
});

const visits: { readonly inAnyOrder: model.Visit; readonly inOrder: model.Visit } = {
  inAnyOrder: (value, state = 0, timingOut) => ({
    emit: timingOut ? -state : value,
    state: timingOut ? undefined : state + value!,
  }),
  inOrder: (value, state = 0, timingOut) => {
    if (timingOut) return { emit: state % 2 === 0 ? undefined : -state, state: undefined };
    const next = (state * 3 + value! + 1) % 101;
    return { emit: next % 3 === 0 ? undefined : next, state: next % 7 === 0 ? undefined : next };
  },
};

const withState =
  (visit: model.Visit) =>
  (key: Key, value: number | undefined, state: State<number>): Pair | undefined => {
    const result = visit(value, state.get(), state.isTimingOut());
    if (!state.isTimingOut()) {
      if (result.state === undefined) state.remove();
      else state.update(result.state);
    }
    return result.emit === undefined ? undefined : [key, result.emit];
  };

const initials: readonly Pair[] = [
  ["a", 5],
  [[0], 6],
  ["never touched", 7],
];

export const steps = {
  map: (both) =>
    narrow(
      both,
      both.stream.map(([key, n]): Pair => [key, (n * 2 + 1) % 1000]),
      (values) => values.map(([key, n]): Pair => [key, (n * 2 + 1) % 1000]),
    ),
  rekey: (both) =>
    narrow(
      both,
      both.stream.map(([key, n]): Pair => [[n % 3, key], n]),
      (values) => values.map(([key, n]): Pair => [[n % 3, key], n]),
    ),
  filter: (both) =>
    narrow(
      both,
      both.stream.filter(([, n]) => n % 2 === 0),
      (values) => values.filter(([, n]) => n % 2 === 0),
    ),
  flatMap: (both) => {
    const copies = ([key, n]: Pair): Pair[] => Array.from({ length: Math.abs(n) % 3 }, (_, i) => [key, n - i]);
    return narrow(both, both.stream.flatMap(copies) as DStream<Pair>, (values) => values.flatMap(copies));
  },
  mapValues: (both) =>
    narrow(both, both.stream.mapValues((n) => n - 1) as DStream<Pair>, (values) =>
      values.map(([key, n]): Pair => [key, n - 1]),
    ),
  flatMapValues: (both) =>
    narrow(both, both.stream.flatMapValues((n) => [n, -n]) as DStream<Pair>, (values) =>
      values.flatMap(([key, n]): Pair[] => [
        [key, n],
        [key, -n],
      ]),
    ),
  mapAsync: (both) =>
    narrow(
      both,
      both.stream.mapAsync(async ([key, n]): Promise<Pair> => [key, n + 1], { concurrency: 3 }),
      (values) => values.map(([key, n]): Pair => [key, n + 1]),
    ),
  mapPartitions: (both) => {
    if (!both.placed) return both;
    const stream = both.stream.mapPartitions(async function* (values, task) {
      let total = 0;
      for await (const [, n] of values) total += n;
      yield [task.partition, total] as Pair;
    });
    const sums = model.perPartition(both.model, (values, p): Pair[] => [[p, model.sum(values.map(([, n]) => n))]]);
    return { ...both, stream, model: sums };
  },
  glom: (both) => {
    if (!both.placed) return both;
    const fold = inOrder(both);
    const told = (values: readonly Pair[]): Pair => ["glom", fold(values.map(([, n]) => n))];
    return narrow(both, both.stream.glom().map(told), (values) => [told(values)]);
  },
  count: (both) => ({
    ...both,
    ...shuffled(),
    stream: both.stream.count().map((n): Pair => ["count", n]),
    model: model.gathered(both.model, (values): Pair[] => [["count", values.length]]),
  }),
  reduce: (both) => ({
    ...both,
    ...shuffled(),
    stream: both.stream
      .map(([, n]) => n)
      .reduce(add)
      .map((n): Pair => ["sum", n]),
    model: model.gathered(both.model, (values): Pair[] =>
      values.length === 0 ? [] : [["sum", model.sum(values.map(([, n]) => n))]],
    ),
  }),
  countByValue: (both) => ({
    ...both,
    ...shuffled(),
    stream: both.stream.countByValue() as DStream<Pair>,
    model: model.byKey(
      model.perPartition(both.model, (values) => values.map((value): Pair => [value, 1])),
      model.sum,
    ),
  }),
  reduceByKey: (both, { choice }) => {
    const placing = pick(placings, choice);
    return {
      ...both,
      ...shuffled("partitioner" in placing),
      stream: both.stream.reduceByKey(add, placing) as DStream<Pair>,
      model: model.byKey(both.model, model.sum, placing),
    };
  },
  combineByKey: (both) => ({
    ...both,
    ...shuffled(),
    stream: both.stream
      .combineByKey<number[]>(
        (n) => [n],
        (list, n) => [...list, n],
        (a, b) => [...a, ...b],
      )
      .mapValues(inOrder(both)) as DStream<Pair>,
    model: model.byKey(both.model, inOrder(both)),
  }),
  groupByKey: (both, { choice }) => {
    const placing = pick(placings, choice);
    return {
      ...both,
      ...shuffled("partitioner" in placing),
      stream: both.stream.groupByKey(placing).mapValues(inOrder(both)) as DStream<Pair>,
      model: model.byKey(both.model, inOrder(both), placing),
    };
  },
  partitionBy: (both, { choice }) => {
    const numPartitions = 1 + (choice % 4);
    return {
      ...both,
      ...shuffled(true),
      stream: both.stream.partitionBy(numPartitions, partitionOf),
      model: model.partitionBy(both.model, numPartitions, partitionOf),
    };
  },
  repartition: (both, { choice }) => ({ ...both, ...shuffled(), stream: both.stream.repartition(1 + (choice % 4)) }),
  cache: (both) => ({ ...both, stream: both.stream.cache() }),
  union: (both, { other, ssc, choice }) => ({
    stream: choice % 2 === 0 ? both.stream.union(other.stream) : ssc.union(both.stream, other.stream),
    model: model.union(both.model, other.model),
    ordered: both.ordered && other.ordered,
    placed: both.placed && other.placed && !both.sparse && !other.sparse,
    sparse: both.sparse && other.sparse,
  }),
  cogroup: (both, { other }) => {
    const [mine, others] = [inOrder(both), inOrder(other)];
    const told = ([a, b]: [number[], number[]]) => (mine(a) * 1009 + others(b)) % 100_003;
    return {
      ...shuffled(),
      stream: both.stream.cogroup(other.stream).mapValues(told) as DStream<Pair>,
      model: model.perPartition(model.cogroup(both.model, other.model), (values) =>
        values.map(([key, sides]): Pair => [key, told(sides)]),
      ),
      sparse: both.sparse && other.sparse,
    };
  },
  join: (both, { other, choice }) => {
    const told = ([a, b]: readonly [number | undefined, number | undefined]) => ((a ?? 50) * 7 + (b ?? 90)) % 1000;
    const outer = pick(
      [
        { left: false, right: false },
        { left: true, right: false },
        { left: false, right: true },
        { left: true, right: true },
      ],
      choice,
    );
    const [left, right] = [both.stream, other.stream];
    const joined = (
      outer.left
        ? outer.right
          ? left.fullOuterJoin(right)
          : left.leftOuterJoin(right, { numPartitions: 3 })
        : outer.right
          ? left.rightOuterJoin(right)
          : left.join(right)
    ) as DStream<[Key, [number | undefined, number | undefined]]>;
    return {
      ...shuffled(),
      stream: joined.mapValues(told) as DStream<Pair>,
      model: model.perPartition(model.join(both.model, other.model, outer), (values) =>
        values.map(([key, sides]): Pair => [key, told(sides)]),
      ),
      sparse: both.sparse && other.sparse,
    };
  },
  transform: (both) => ({
    ...both,
    ...shuffled(),
    stream: both.stream.transform((rdd, time) =>
      time % 2000 === 0 ? (rdd.reduceByKey(add) as RDD<Pair>) : rdd.distinct().mapValues((n) => n + 1),
    ) as DStream<Pair>,
    model: model.perBatch(both.model, (rdd, index) => {
      const values = rdd.flat(1);
      if ((index + 1) % 2 === 0) return [model.groups(values).map((g): Pair => [g.key, model.sum(g.values)])];
      const distinct = model.groups(values.map((pair): [Key, Pair] => [pair, pair]));
      return [distinct.map(({ values: [first] }): Pair => [first![0], first![1] + 1])];
    }),
  }),
  transformWith: (both, { other, ssc, choice }) => {
    const isIn = (rdd: model.Rdd<Pair>, key: Key) => rdd.flat(1).some(([one]) => textOf(one) === textOf(key));
    const stream =
      choice % 2 === 0
        ? both.stream.transformWith(other.stream, (rdd, others) => rdd.subtractByKey(others))
        : ssc.transform([other.stream, both.stream], ([others, rdd]) => rdd.subtractByKey(others));
    return {
      ...shuffled(),
      stream: stream as DStream<Pair>,
      model: model.together(both.model, other.model, (a, b) =>
        a.map((values) => values.filter(([key]) => !isIn(b, key))),
      ),
      sparse: both.sparse && other.sparse,
    };
  },
  window: (both, { choice }) => {
    const shape = pick(WINDOWS, choice);
    return {
      ...both,
      stream: both.stream.window(seconds(shape.window), seconds(shape.slide)),
      model: model.windowed(both.model, shape),
      placed: both.placed && !both.sparse,
      sparse: shape.slide > 1,
    };
  },
  countByWindow: (both, { choice, name }) => {
    const shape = pick(WINDOWS, choice);
    return {
      ...shuffled(),
      stream: both.stream.countByWindow({ name, ...durations(shape) }).map((n): Pair => ["count", n]),
      model: model.sumByKeyAndWindow(
        model.gathered(both.model, (values): Pair[] => [["count", values.length]]),
        shape,
        true,
        () => true,
      ),
      sparse: shape.slide > 1,
    };
  },
  reduceByWindow: (both, { choice, name }) => {
    const shape = pick(WINDOWS, choice);
    return {
      ...shuffled(),
      stream: both.stream
        .map(([, n]) => n)
        .reduceByWindow(Math.max, { name, ...durations(shape) })
        .map((n): Pair => ["max", n]),
      model: model.gathered(model.windowed(both.model, shape), (values): Pair[] =>
        values.length === 0 ? [] : [["max", Math.max(...values.map(([, n]) => n))]],
      ),
      sparse: shape.slide > 1,
    };
  },
  countByValueAndWindow: (both, { choice, name }) => {
    const shape = pick(WINDOWS, choice);
    const ones = model.perPartition(both.model, (values) => values.map((value): Pair => [value, 1]));
    return {
      ...shuffled(),
      stream: both.stream.countByValueAndWindow({ name, ...durations(shape), numPartitions: 2 }) as DStream<Pair>,
      model: model.byKey(model.windowed(ones, shape), model.sum),
      sparse: shape.slide > 1,
    };
  },
  groupByKeyAndWindow: (both, { choice, name }) => {
    const shape = pick(WINDOWS, choice);
    return {
      ...shuffled(),
      stream: both.stream.groupByKeyAndWindow({ name, ...durations(shape) }).mapValues(inOrder(both)) as DStream<Pair>,
      model: model.byKey(model.windowed(both.model, shape), inOrder(both)),
      sparse: shape.slide > 1,
    };
  },
  reduceByKeyAndWindow: (both, { choice, name }) => {
    const shape = pick(WINDOWS, choice);
    const inverse = choice % 2 === 0;
    const filter = choice % 3 === 0 ? (n: number) => n % 5 !== 0 : undefined;
    return {
      ...shuffled(),
      stream: both.stream.reduceByKeyAndWindow(add, {
        name,
        ...durations(shape),
        ...(inverse && { inverse: (a: number, b: number) => a - b }),
        ...(filter && { filter: (_key: Key, n: number) => filter(n) }),
      }) as DStream<Pair>,
      model: model.sumByKeyAndWindow(both.model, shape, inverse, filter ?? (() => true)),
      sparse: shape.slide > 1,
    };
  },
  updateStateByKey: (both, { choice, name, ssc }) => {
    const onlyTouched = choice % 2 === 0;
    const initial = choice % 3 === 0 ? initials : [];
    const fold = inOrder(both);
    const update = (values: number[], state: number | undefined) => {
      const next = (fold(values) + (state ?? 0)) % 1009;
      return values.length === 0 && next % 3 === 0 ? undefined : next % 11 === 0 ? undefined : next;
    };
    return {
      ...both,
      ...shuffled(),
      stream: both.stream.updateStateByKey<number>(update, {
        name,
        onlyTouched,
        numPartitions: 1 + (choice % 4),
        ...(initial.length > 0 && { initialState: ssc.parallelize<Pair>(initial, { numPartitions: 2 }) }),
      }) as DStream<Pair>,
      model: model.updateStateByKey(both.model, update, initial, onlyTouched),
    };
  },
  mapWithState: (both, { choice, name, ssc }) => {
    const initial = choice % 3 === 0 ? initials : [];
    const timeout = choice % 2 === 0 ? 1 + (choice % 5) : undefined;
    const visit = both.ordered ? visits.inOrder : visits.inAnyOrder;
    const stateful = both.stream.mapWithState(withState(visit), {
      name,
      ...(timeout && { timeout: seconds(timeout) }),
      ...(initial.length > 0 && { initialState: ssc.parallelize<Pair>(initial) }),
    });
    const { emitted, snapshots } = model.mapWithState(both.model, visit, initial, timeout);
    const wanted = choice % 7 < 3;
    const stream = (wanted ? stateful.stateSnapshots() : stateful) as DStream<Pair>;
    return { ...both, ...shuffled(), stream, model: wanted ? snapshots : emitted };
  },
} satisfies { [op: string]: Apply };
