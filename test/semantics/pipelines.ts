import fc from "fast-check";
import type { DStream, JobContext } from "millrace";
import * as model from "./model.ts";
import { type Apply, type Both, steps } from "./steps.ts";
import { keys, type Pair, textOf } from "./values.ts";

/** Random pipelines of pairs, and what they must give. */

/** Plain data, so that a job on threads can be told of it. */
export interface Case {
  readonly inputs: readonly {
    readonly numPartitions: number;
    readonly batches: readonly (readonly [key: number, value: number][])[];
  }[];
  readonly steps: readonly Step[];
}

interface Step {
  readonly op: keyof typeof steps;
  /** Decides between the variants of a step. */
  readonly choice: number;
}

const BATCHES = 8;

/** With more values than this a step that multiplies them is left out. */
const VALUES_MAX = 200;

const batch = fc.array(fc.tuple(fc.nat(keys.length - 1), fc.integer({ min: -3, max: 9 })), { maxLength: 7 });
/** Neighbours in the list, which look alike, or any. */
const someKeys = fc.oneof(
  fc
    .tuple(fc.nat(keys.length - 1), fc.integer({ min: 2, max: 4 }))
    .map(([first, count]) => Array.from({ length: count }, (_, i) => (first + i) % keys.length)),
  fc.uniqueArray(fc.nat(keys.length - 1), { minLength: 1, maxLength: 4 }),
);

/** Few keys, so that they come again. */
const fewKeys = fc
  .tuple(someKeys, fc.array(batch, { maxLength: BATCHES }))
  .map(([some, batches]) =>
    batches.map((pairs) => pairs.map(([key, n]): [number, number] => [some[key % some.length]!, n])),
  );

export const cases: fc.Arbitrary<Case> = fc.record({
  inputs: fc.array(fc.record({ numPartitions: fc.integer({ min: 1, max: 3 }), batches: fewKeys }), {
    minLength: 2,
    maxLength: 2,
  }),
  steps: fc.array(
    fc.record({ op: fc.constantFrom(...(Object.keys(steps) as (keyof typeof steps)[])), choice: fc.nat(999) }),
    { minLength: 1, maxLength: 6 },
  ),
});

/** Windows of a state are refused: what they look back on would have to be computed again. */
const LOOKS_BACK = new Set<keyof typeof steps>(["window"]);
const KEEPS_STATE = /State|Window/;

export interface Built {
  readonly stream: DStream<Pair>;
  /** The texts of what each batch gives, sorted. */
  readonly expected: readonly (readonly string[])[];
}

/** Describes the pipeline to the engine, and works out what it must give. */
export function build({ inputs, steps: chosen }: Case, ssc: JobContext, name: string): Built {
  const known = inputs.map(({ numPartitions, batches }): Both & { stateful: boolean } => {
    const given = Array.from({ length: BATCHES }, (_, i) => (batches[i] ?? []).map(([key, n]): Pair => [keys[key], n]));
    return {
      stream: ssc.queueStream(given, { numPartitions }),
      model: given.map((pairs) => model.deal(pairs, numPartitions)),
      ordered: true,
      placed: true,
      sparse: false,
      stateful: false,
    };
  });
  let current = known[0]!;
  for (const [i, { op, choice }] of chosen.entries()) {
    const other = known[choice % known.length]!;
    if (current.stateful && LOOKS_BACK.has(op)) continue;
    const size = Math.max(...[...current.model, ...other.model].map((rdd) => rdd?.flat(1).length ?? 0));
    if (size > VALUES_MAX) continue;
    const apply: Apply = steps[op];
    const stateful = current.stateful || other.stateful || KEEPS_STATE.test(op);
    current = { ...apply(current, { ssc, name: `${name}-${i}`, choice, other }), stateful };
    known.push(current);
  }
  return { stream: current.stream, expected: current.model.map((rdd) => (rdd ?? []).flat(1).map(textOf).sort()) };
}

export const batchCount = BATCHES;
