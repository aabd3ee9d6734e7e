import { waitUntil } from "../helpers/wait-until.ts";
import { openCluster, wholePartition } from "../kafka/read-all.ts";
import { carryOut, type Outcome } from "./carry-out.ts";
import { described } from "./driver-process.ts";
import { Lane, PARTITIONS } from "./lane.ts";
import type { ChaosOptions } from "./options.ts";
import { makeSchedule, type ScheduledStrike } from "./schedule.ts";
import { committedRecords, storedEffects } from "./truth.ts";
import { judge, judgeState, type Verdict } from "./verdict.ts";
import { startWorld, type World } from "./world.ts";

export interface Report {
  readonly seed: number;
  readonly kills: number;
  readonly records: number;
  /** How often a driver was struck there. */
  readonly killPoints: { readonly [point: string]: number };
  readonly faults: { readonly [fault: string]: number };
  readonly sinks: { readonly [sink: string]: Verdict };
  /** Links of the chains that are state, of all jobs. */
  readonly state: { readonly wrong: number };
  /** Drivers that did not end as they should. */
  readonly unexpected: readonly string[];
  readonly seconds: number;
}

export interface Struck {
  readonly strike: ScheduledStrike;
  readonly outcome: Outcome;
}

/** Whether there were records, each is everywhere once, every point was hit, and every driver did what it should. */
export const isGreen = ({
  records,
  killPoints,
  sinks,
  state,
  unexpected,
}: Pick<Report, "records" | "killPoints" | "sinks" | "state" | "unexpected">): boolean =>
  records > 0 &&
  unexpected.length === 0 &&
  state.wrong === 0 &&
  Object.values(killPoints).every((hits) => hits > 0) &&
  Object.values(sinks).every((verdict) => Object.values(verdict).every((count) => count === 0));

/** Carries out a schedule, one strike after the other, then lets every job read to the end and judges what is there. */
export async function runChaos(
  options: Omit<ChaosOptions, "json">,
  onStrike: (struck: Struck) => void,
): Promise<Report> {
  const started = performance.now();
  const { kills, seed, sinks } = options;
  await using world = await startWorld(sinks, options.brokers);
  const schedule = makeSchedule({ kills, seed, sinks, ownBrokers: world.kafka !== undefined });
  const lanes = new Map<string, Lane>();
  for (const sink of sinks) lanes.set(sink, await Lane.open(world, sink));

  const trace: Struck[] = [];
  for (const strike of schedule) {
    if (options.only?.includes(strike.number) === false) continue;
    const outcome = await carryOut(world, lanes.get(strike.sink)!, strike);
    trace.push({ strike, outcome });
    onStrike({ strike, outcome });
  }
  const unexpected = trace.flatMap(({ strike, outcome }) =>
    outcome.unexpected === undefined ? [] : [`strike ${strike.number}: ${outcome.unexpected}`],
  );
  const judged = await Promise.all(
    [...lanes].map(async ([sink, lane]) => {
      const end = await readToTheEnd(world, lane);
      if (end !== undefined) unexpected.push(`${sink}, reading to the end: ${end}`);
      const [records, effects] = await Promise.all([
        committedRecords(world.brokers, lane.topic),
        storedEffects(lane.target),
      ]);
      return {
        sink,
        records: records.length,
        verdict: judge(records, effects),
        stateWrong: judgeState(records, effects),
      };
    }),
  );
  return {
    seed,
    kills: trace.length,
    records: judged.reduce((sum, { records }) => sum + records, 0),
    killPoints: hits(trace, ({ point }) => point),
    faults: hits(trace, ({ fault }) => fault),
    sinks: Object.fromEntries(judged.map(({ sink, verdict }) => [sink, verdict])),
    state: { wrong: judged.reduce((sum, { stateWrong }) => sum + stateWrong, 0) },
    unexpected,
    seconds: Math.round((performance.now() - started) / 1000),
  };
}

function hits(trace: readonly Struck[], by: (strike: ScheduledStrike) => string): { [name: string]: number } {
  const counts: { [name: string]: number } = {};
  for (const { strike, outcome } of trace) counts[by(strike)] = (counts[by(strike)] ?? 0) + (outcome.hit ? 1 : 0);
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** @returns what went wrong. */
async function readToTheEnd({ brokers }: World, lane: Lane): Promise<string | undefined> {
  const ends = async (isolation: "read_committed" | "read_uncommitted") => {
    await using cluster = openCluster({ "bootstrap.servers": brokers, "isolation.level": isolation });
    const partitions = Array.from({ length: PARTITIONS }, (_, n) => wholePartition(cluster, lane.topic, n));
    return (await Promise.all(partitions)).map(({ untilOffset }) => untilOffset).join();
  };
  // A transaction that a fault has left open hides what is behind it, until its time is up.
  await waitUntil(
    "all transactions have ended",
    async () => (await ends("read_committed")) === (await ends("read_uncommitted")),
    {
      limitMs: 90_000,
    },
  );
  const driver = lane.start(undefined, { toTheEnd: true });
  await driver.until("it has read all", () => false, 300_000);
  if (!driver.hasEnded) await driver.endBy("SIGKILL");
  const end = await driver.ended;
  return end.code === 0 ? undefined : described(end);
}
