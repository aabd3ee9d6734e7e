/** True when two types are the same, not just assignable: the compiler compares the two functions' conditions. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

interface Expectation<Expected> {
  /** Compiles only for a value of exactly the expected type; the second parameter is the complaint. */
  of<Actual>(value: Actual, ...differs: Same<Actual, Expected> extends true ? [] : [expected: Expected]): void;
}

/** `expectType<DStream<[string, number]>>().of(stream)`: checked by tsc; `// @ts-expect-error` for what it must refuse. */
export function expectType<Expected>(): Expectation<Expected> {
  return { of() {} };
}
