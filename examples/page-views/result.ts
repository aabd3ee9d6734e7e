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
  /** As added up by the database. */
  readonly sumInDatabase: number;
  /** How often the driver was killed. */
  readonly kills: number;
}

/** What a run has to show for itself. */
export interface Evidence {
  /** Undefined: as many as came until Ctrl-C. */
  readonly asked: number | undefined;
  readonly fed: Fed;
  /** What earlier runs have written to the same topic. */
  readonly before: number;
  readonly kills: number;
  readonly counted: ReadonlyMap<string, number>;
  readonly tally: Tally;
  readonly executors: number;
}

export function resultOf({ asked, fed, before, kills, counted, tally, executors }: Evidence): DemoResult {
  const sumInDatabase = [...counted.values()].reduce((sum, views) => sum + views, 0);
  return {
    produced: fed.produced,
    processed: sumInDatabase - before,
    batches: tally.batches,
    executors,
    seconds: tally.seconds,
    recordsPerSecond: tally.recordsPerSecond,
    perCountry: Object.fromEntries([...counted].sort((a, b) => b[1] - a[1])),
    ranges: tally.ranges,
    problems: [
      ...notWritten(asked, fed),
      ...tally.breaks,
      ...(before === 0
        ? [...offsetsLeft(fed, tally), ...differences(fed, counted)]
        : sumDiffers(before, fed, sumInDatabase)),
    ],
    sumInDatabase,
    kills,
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

/** Of earlier runs nobody knows any more what they wrote for each country, only how much. */
function sumDiffers(before: number, fed: Fed, sum: number): string[] {
  if (before + fed.produced === sum) return [];
  return [`${before + fed.produced} views were written since the beginning, ${sum} are in the database`];
}

function offsetsLeft(fed: Fed, tally: Tally): string[] {
  if (tally.records === fed.produced) return [];
  return [`${fed.produced} views were written, the offset ranges hold ${tally.records}`];
}
