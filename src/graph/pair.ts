/** An array of two is a pair. `map(x => [x.key, 1])` gives `DStream<[string, number]>`: no `as const`. */
export type Pair = readonly [key: unknown, value: unknown];

/** Any structured value: 5, "a", ["NL", 2024], { a: 1 }. Equal by value; the order of an object's properties does not count. */
export type KeyOf<T> = T extends readonly [infer K, unknown] ? K : never;

export type ValueOf<T> = T extends readonly [unknown, infer V] ? V : never;

/** A sum of `1`s is a number. */
export type Folded<V> = V extends number ? number : V extends bigint ? bigint : V;

export interface ShuffleOptions<K = never> {
  /** @default the partitions of the parent (never the number of cores: the key of exactly-once output must not follow the machine) */
  numPartitions?: number | undefined;
  /** Gives the partition of a key, as a whole number; modulo `numPartitions`. @default a hash of the key's value */
  partitioner?: ((key: K) => number) | undefined;
}

export interface Named {
  /** Durable identity, unique in the job. Shown in UI, logs and tests. */
  name: string;
}
