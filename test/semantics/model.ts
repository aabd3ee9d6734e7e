import { type Key, type Pair, textOf } from "./values.ts";

/**
 * What a DStream is, written down as plainly as possible: a list of batches, each a list of partitions; `undefined` where a stream has no
 * RDD, between two slides of a window. Written from the description of Spark, slow, and without a look at the engine.
 */

export type Rdd<T> = readonly (readonly T[])[];
export type Stream<T> = readonly (Rdd<T> | undefined)[];

const valuesOf = <T>(rdd: Rdd<T>): T[] => rdd.flat(1);

export const perBatch = <T, U>(stream: Stream<T>, f: (rdd: Rdd<T>, index: number) => Rdd<U>): Stream<U> =>
  stream.map((rdd, index) => (rdd === undefined ? undefined : f(rdd, index)));

export const perPartition = <T, U>(stream: Stream<T>, f: (values: readonly T[], partition: number) => U[]): Stream<U> =>
  perBatch(stream, (rdd) => rdd.map(f));

/** As `parallelize` deals values out: consecutive ones together. */
export function deal<T>(values: readonly T[], numPartitions: number): Rdd<T> {
  const end = (partition: number) => Math.floor((values.length * partition) / numPartitions);
  return Array.from({ length: numPartitions }, (_, p) => values.slice(end(p), end(p + 1)));
}

/** Both have an RDD, or only one, and the other one counts as empty. */
export const together = <T, U, R>(
  left: Stream<T>,
  right: Stream<U>,
  f: (a: Rdd<T>, b: Rdd<U>, index: number) => Rdd<R>,
): Stream<R> =>
  left.map((a, index) => {
    const b = right[index];
    return a === undefined && b === undefined ? undefined : f(a ?? [], b ?? [], index);
  });

export const union = <T>(left: Stream<T>, right: Stream<T>): Stream<T> => together(left, right, (a, b) => [...a, ...b]);

export interface Group<V> {
  readonly key: Key;
  readonly values: V[];
}

/** The values of each key, keys in the order in which they came first. */
export function groups<V>(pairs: readonly (readonly [Key, V])[]): Group<V>[] {
  const found: Group<V>[] = [];
  for (const [key, value] of pairs) {
    const group = found.find((other) => textOf(other.key) === textOf(key));
    if (group === undefined) found.push({ key, values: [value] });
    else group.values.push(value);
  }
  return found;
}

/** Where nobody looks at what is in which partition there is one. */
const anywhere = <T>(values: readonly T[]): Rdd<T> => [values];

/** By key, where the partitioner says; in one partition where nobody says. */
function placed<T extends readonly [Key, ...unknown[]]>(
  values: readonly T[],
  numPartitions: number | undefined,
  partitioner: ((key: Key) => number) | undefined,
): Rdd<T> {
  if (numPartitions === undefined || partitioner === undefined) return anywhere(values);
  return Array.from({ length: numPartitions }, (_, p) =>
    values.filter(([key]) => partitioner(key) % numPartitions === p),
  );
}

export interface Placing {
  readonly numPartitions?: number | undefined;
  readonly partitioner?: ((key: Key) => number) | undefined;
}

/** Whatever is made of the values of each key of a batch. */
export const byKey = <V, U>(
  stream: Stream<readonly [Key, V]>,
  f: (values: V[]) => U,
  { numPartitions, partitioner }: Placing = {},
): Stream<[Key, U]> =>
  perBatch(stream, (rdd) =>
    placed(
      groups(valuesOf(rdd)).map(({ key, values }): [Key, U] => [key, f(values)]),
      numPartitions,
      partitioner,
    ),
  );

export const partitionBy = (
  stream: Stream<Pair>,
  numPartitions: number,
  partitioner: (key: Key) => number,
): Stream<Pair> => perBatch(stream, (rdd) => placed(valuesOf(rdd), numPartitions, partitioner));

export const gathered = <T, U>(stream: Stream<T>, f: (values: T[]) => U[]): Stream<U> =>
  perBatch(stream, (rdd) => anywhere(f(valuesOf(rdd))));

export const cogroup = <V, W>(
  left: Stream<readonly [Key, V]>,
  right: Stream<readonly [Key, W]>,
): Stream<[Key, [V[], W[]]]> =>
  together(left, right, (a, b) => {
    const [mine, others] = [groups(valuesOf(a)), groups(valuesOf(b))];
    const of = <X>(list: Group<X>[], key: Key) => list.find((group) => textOf(group.key) === textOf(key))?.values ?? [];
    const all = groups([...mine, ...others].map(({ key }): [Key, null] => [key, null]));
    return anywhere(all.map(({ key }): [Key, [V[], W[]]] => [key, [of(mine, key), of(others, key)]]));
  });

/** A join is a cogroup whose sides are multiplied; an outer side without values has one that is undefined. */
export const join = <V, W>(
  left: Stream<readonly [Key, V]>,
  right: Stream<readonly [Key, W]>,
  outer: { readonly left: boolean; readonly right: boolean },
): Stream<[Key, [V | undefined, W | undefined]]> =>
  perPartition(cogroup(left, right), (cogrouped) =>
    cogrouped.flatMap(([key, [mine, others]]) => {
      const ours = mine.length === 0 && outer.right ? [undefined] : mine;
      const theirs = others.length === 0 && outer.left ? [undefined] : others;
      return ours.flatMap((v) => theirs.map((w): [Key, [V | undefined, W | undefined]] => [key, [v, w]]));
    }),
  );

/** In batches. */
export interface Window {
  readonly window: number;
  readonly slide: number;
}

/** At each slide what the batches in (t - window, t] hold, the oldest first. */
export const windowed = <T>(stream: Stream<T>, { window, slide }: Window): Stream<T> =>
  stream.map((_, index) => {
    const time = index + 1;
    if (time % slide !== 0) return undefined;
    return stream.slice(Math.max(0, time - window), time).flatMap((rdd) => rdd ?? []);
  });

/**
 * The sum of each key's window. By the inverse a key that came once is kept, with what is left of it, until the filter drops it; what was
 * dropped comes again with the values of its whole window. Without the inverse a key without values is gone.
 */
export function sumByKeyAndWindow(
  stream: Stream<Pair>,
  { window, slide }: Window,
  inverse: boolean,
  filter: (value: number) => boolean,
): Stream<Pair> {
  let known: Key[] = [];
  return windowed(stream, { window, slide }).map((rdd) => {
    if (rdd === undefined) return undefined;
    const present = groups(valuesOf(rdd));
    const zeros = inverse ? known.map((key): [Key, number] => [key, 0]) : [];
    const sums = groups([...zeros, ...valuesOf(rdd)]).map(({ key, values }): Pair => [key, sum(values)]);
    const kept = sums.filter(([, value]) => filter(value));
    known = inverse ? kept.map(([key]) => key) : present.map(({ key }) => key);
    return anywhere(kept);
  });
}

export const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

interface Kept<S> {
  readonly key: Key;
  state: S;
  touchedAt: number;
}

/** All that updateStateByKey and mapWithState know: the state of each key. */
export class States<S> {
  readonly all: Kept<S>[] = [];

  of(key: Key): Kept<S> | undefined {
    return this.all.find((kept) => textOf(kept.key) === textOf(key));
  }

  put(key: Key, state: S, time: number): void {
    const kept = this.of(key);
    if (kept === undefined) this.all.push({ key, state, touchedAt: time });
    else Object.assign(kept, { state, touchedAt: time });
  }

  remove(key: Key): void {
    const index = this.all.findIndex((kept) => textOf(kept.key) === textOf(key));
    if (index >= 0) this.all.splice(index, 1);
  }
}

/** Every key is visited in every batch in which there is an RDD; undefined removes it. */
export function updateStateByKey<S>(
  stream: Stream<Pair>,
  update: (values: number[], state: S | undefined) => S | undefined,
  initial: readonly (readonly [Key, S])[],
  onlyTouched: boolean,
): Stream<[Key, S]> {
  const states = new States<S>();
  for (const [key, state] of initial) states.put(key, state, 0);
  return perBatch(stream, (rdd) => {
    const values = groups(valuesOf(rdd));
    const came = (key: Key) => values.find((group) => textOf(group.key) === textOf(key));
    const untouched = onlyTouched ? [] : states.all.map(({ key }) => key).filter((key) => came(key) === undefined);
    for (const key of [...values.map(({ key }) => key), ...untouched]) {
      const next = update(came(key)?.values ?? [], states.of(key)?.state);
      if (next === undefined) states.remove(key);
      else states.put(key, next, 0);
    }
    const shown = onlyTouched ? states.all.filter(({ key }) => came(key) !== undefined) : states.all;
    return anywhere(shown.map(({ key, state }): [Key, S] => [key, state]));
  });
}

/** What a function given to mapWithState does to a key. */
export type Visit = (
  value: number | undefined,
  state: number | undefined,
  timingOut: boolean,
) => {
  readonly emit: number | undefined;
  readonly state: number | undefined;
};

/** One call for each value, in order; then one more for each key that was touched before t - timeout, and it is gone. */
export function mapWithState(
  stream: Stream<Pair>,
  visit: Visit,
  initial: readonly Pair[],
  timeout: number | undefined,
): { readonly emitted: Stream<Pair>; readonly snapshots: Stream<Pair> } {
  const states = new States<number>();
  let begun = false;
  const snapshots: (Rdd<Pair> | undefined)[] = [];
  const emitted = stream.map((rdd, index) => {
    const time = index + 1;
    if (!begun) for (const [key, state] of initial) states.put(key, state, time);
    begun = true;
    if (rdd === undefined) {
      snapshots.push(undefined);
      return undefined;
    }
    const given: Pair[] = [];
    for (const [key, value] of valuesOf(rdd)) {
      const { emit, state } = visit(value, states.of(key)?.state, false);
      if (emit !== undefined) given.push([key, emit]);
      if (state === undefined) states.remove(key);
      else states.put(key, state, time);
    }
    for (const { key, state, touchedAt } of [...states.all]) {
      if (timeout === undefined || touchedAt >= time - timeout) continue;
      const { emit } = visit(undefined, state, true);
      if (emit !== undefined) given.push([key, emit]);
      states.remove(key);
    }
    snapshots.push(anywhere(states.all.map(({ key, state }): Pair => [key, state])));
    return anywhere(given);
  });
  return { emitted, snapshots };
}
