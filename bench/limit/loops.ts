import type { PageView } from "../data/records.ts";
import { LONG_LINE, type Workload } from "../workloads.ts";
import type { UseValues } from "./walk.ts";

/** A workload written by hand: what a batch's values do, and what one thread has in the end. */
export interface Loop {
  readonly use: UseValues;
  result(): number | [string, number][];
}

interface Counter {
  n: number;
}

export const loops: Readonly<Record<Workload, () => Loop>> = {
  count: () => {
    let longLines = 0;
    return {
      use: (text, places, end) => {
        for (let i = 0; i < end; i += 2) {
          const line = text.substring(places[i]!, places[i + 1]!);
          if (line.length > LONG_LINE) longLines++;
        }
      },
      result: () => longLines,
    };
  },

  words: () => {
    const counters = new Map<string, Counter>();
    return {
      use: (text, places, end) => {
        for (let i = 0; i < end; i += 2) {
          for (const word of text.substring(places[i]!, places[i + 1]!).split(" ")) {
            const counter = counters.get(word);
            if (counter === undefined) counters.set(word, { n: 1 });
            else counter.n++;
          }
        }
      },
      result: () => entriesOf(counters),
    };
  },

  json: () => {
    const sums = new Map<string, Counter>();
    return {
      use: (text, places, end) => {
        for (let i = 0; i < end; i += 2) {
          const { country, ms } = JSON.parse(text.substring(places[i]!, places[i + 1]!)) as PageView;
          const sum = sums.get(country);
          if (sum === undefined) sums.set(country, { n: ms });
          else sum.n += ms;
        }
      },
      result: () => entriesOf(sums),
    };
  },
};

/** The results of all threads as one. */
export function mergeResults(results: readonly ReturnType<Loop["result"]>[]): ReturnType<Loop["result"]> {
  const merged = new Map<string, number>();
  let total = 0;
  for (const result of results) {
    if (typeof result === "number") total += result;
    else for (const [key, n] of result) merged.set(key, (merged.get(key) ?? 0) + n);
  }
  return merged.size === 0 ? total : [...merged];
}

const entriesOf = (counters: Map<string, Counter>) =>
  Array.from(counters, ([key, { n }]): [string, number] => [key, n]);
