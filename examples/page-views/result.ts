import type { OffsetRange } from "millrace";
import type { Fed } from "./feeder-process.ts";
import type { Tally } from "./tally.ts";

/** What a run comes to. With `--json` this is the last line of stdout. */
export interface DemoResult {
  readonly produced: number;
  readonly processed: number;
  readonly batches: number;
  readonly executors: number;
  readonly seconds: number;
  readonly recordsPerSecond: number;
  /** As the job counted, the largest first. */
  readonly perCountry: Readonly<Record<string, number>>;
  /** Everything read of each partition. */
  readonly ranges: readonly OffsetRange[];
  /** What is missing or doubled, in words; empty when every record was counted exactly once. */
  readonly problems: readonly string[];
}

/** What a run has to show for itself. */
export interface Evidence {
  /** Undefined: as many as came until Ctrl-C. */
  readonly asked: number | undefined;
  readonly fed: Fed;
  readonly counted: ReadonlyMap<string, number>;
  readonly tally: Tally;
  readonly executors: number;
}

export function resultOf({ asked, fed, counted, tally, executors }: Evidence): DemoResult {
  return {
    produced: fed.produced,
    processed: [...counted.values()].reduce((sum, views) => sum + views, 0),
    batches: tally.batches,
    executors,
    seconds: tally.seconds,
    recordsPerSecond: tally.recordsPerSecond,
    perCountry: Object.fromEntries([...counted].sort((a, b) => b[1] - a[1])),
    ranges: tally.ranges,
    problems: [...notWritten(asked, fed), ...tally.breaks, ...offsetsLeft(fed, tally), ...differences(fed, counted)],
  };
}

function notWritten(asked: number | undefined, fed: Fed): string[] {
  if (asked === undefined || asked === fed.produced) return [];
  return [`${asked} views were asked for, ${fed.produced} were written`];
}

/** Compares what was written with what was counted, country by country: a lost record cannot hide behind a doubled one. */
function differences(fed: Fed, counted: ReadonlyMap<string, number>): string[] {
  const countries = new Set([...Object.keys(fed.perCountry), ...counted.keys()]);
  return [...countries].flatMap((country) => {
    const [written, read] = [fed.perCountry[country] ?? 0, counted.get(country) ?? 0];
    return written === read ? [] : [`${country}: ${written} views were written, ${read} were counted`];
  });
}

function offsetsLeft(fed: Fed, tally: Tally): string[] {
  if (tally.records === fed.produced) return [];
  return [`${fed.produced} views were written, the offset ranges hold ${tally.records}`];
}
