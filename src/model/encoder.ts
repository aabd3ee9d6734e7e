/** Which bytes an encoder makes. */
export interface EncodePlace {
  readonly topic: string;
  readonly field: "key" | "value";
}

/** From a value to what Kafka stores. A text is UTF-8; null is a null key or a tombstone. @runs executor */
export type EncodeFunction<in T> = (value: T) => string | Uint8Array | null;

/**
 * A plain function, or something that must be asked first, such as a schema registry: `prepare` is called before each partition of a
 * batch is written and gives the function, which stays synchronous.
 */
export type Encoder<T> =
  | EncodeFunction<T>
  | { prepare(place: EncodePlace): EncodeFunction<T> | Promise<EncodeFunction<T>> };
