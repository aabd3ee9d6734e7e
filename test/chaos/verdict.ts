import { link } from "./driver/chain.ts";
import type { Effect } from "./driver/sinks.ts";
import type { InputRecord } from "./truth.ts";

export interface Verdict {
  /** Records of which an output has no trace. */
  lost: number;
  /** Traces beyond the first. */
  duplicated: number;
  /** Traces of what was never committed, with another value, or in another order. */
  wrong: number;
}

/** Compares what a sink holds with what the same work gives when it is done once, here, over all that was produced. */
export function judge(records: readonly InputRecord[], effects: readonly Effect[]): Verdict {
  const verdict: Verdict = { lost: 0, duplicated: 0, wrong: 0 };
  const of = (output: string) => effects.filter((effect) => effect.output === output);
  judgeTraces(
    new Map(records.map(({ partition, offset, value }) => [`${partition}:${offset}`, value])),
    of("records").map(({ key, value }) => [key, value]),
    verdict,
  );
  const folds = of("folds");
  for (const { value } of folds) {
    const offsets = value.split(",").map(Number);
    if (offsets.some((offset, i) => i > 0 && offset <= offsets[i - 1]!)) verdict.wrong++;
  }
  judgeTraces(
    new Map(records.map(({ key, offset }) => [`${key}:${offset}`, ""])),
    folds.flatMap(({ key, value }) => value.split(",").map((offset): [string, string] => [`${key}:${offset}`, ""])),
    verdict,
  );
  return verdict;
}

/** The state of a key is a chain over all its values, of which each link was written: how many are not what one run over all gives. */
export function judgeState(records: readonly InputRecord[], effects: readonly Effect[]): number {
  const chains = new Map<string, { count: number; hash: string }>();
  const expected = new Map<string, string>();
  for (const { key, value } of records) {
    const { count, hash } = chains.get(key) ?? { count: 0, hash: "" };
    const next = { count: count + 1, hash: link(hash, value) };
    chains.set(key, next);
    expected.set(`${key}:${next.count}`, next.hash);
  }
  const verdict: Verdict = { lost: 0, duplicated: 0, wrong: 0 };
  const found = effects
    .filter(({ output }) => output === "chains")
    .map(({ key, value }): [string, string] => {
      const [count, hash] = value.split(":") as [string, string];
      return [`${key}:${count}`, hash];
    });
  judgeTraces(expected, found, verdict);
  return verdict.lost + verdict.duplicated + verdict.wrong;
}

/** Each that is expected must be there once, with its value, and nothing else. */
function judgeTraces(
  expected: ReadonlyMap<string, string>,
  found: readonly (readonly [string, string])[],
  verdict: Verdict,
): void {
  const seen = new Set<string>();
  for (const [trace, value] of found) {
    if (seen.has(trace)) verdict.duplicated++;
    else if (expected.get(trace) !== value) verdict.wrong++;
    seen.add(trace);
  }
  for (const trace of expected.keys()) if (!seen.has(trace)) verdict.lost++;
}
