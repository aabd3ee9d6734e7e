import { intervalClock } from "../../src/driver/batch-clock.ts";
import { Backpressure } from "../../src/driver/rate/backpressure.ts";
import { clamp } from "../../src/kafka/clamp.ts";

/** A stream and its job on paper: the engine's own clock, clamp and estimator, over records and a job that are only numbers. */
export interface Scenario {
  readonly intervalMs: number;
  readonly batches: number;
  /** Records per second that are written to the topic, at a time in milliseconds. */
  arrivals(time: number): number;
  /** Milliseconds that the job takes for a record of a batch that starts then. Each batch takes `overheadMs` on top. */
  msPerRecord(time: number): number;
  readonly overheadMs: number;
}

export interface SimulatedBatch {
  readonly batchTime: number;
  readonly records: number;
  readonly lag: number;
  readonly processingDelay: number;
  readonly schedulingDelay: number;
  /** Records that the job could have processed in one interval. */
  readonly capacity: number;
}

/** How the records spread over the partitions: unevenly. */
const WEIGHTS = [8, 4, 2, 1, 1];
const BYTES_PER_RECORD = 100;
const STEP_MS = 10;

export async function simulate(scenario: Scenario): Promise<SimulatedBatch[]> {
  const { intervalMs, overheadMs } = scenario;
  const backpressure = new Backpressure(
    { initialRate: 1000, minRate: 100, proportional: 1, integral: 0.2, derived: 0 },
    intervalMs,
  );
  const backlogs = WEIGHTS.map((_, partition) => ({ topic: "simulated", partition, position: 0, latest: 0 }));
  let now = 0;
  let written = 0;
  let writtenUntil = 0;
  const write = () => {
    for (; writtenUntil + STEP_MS <= now; writtenUntil += STEP_MS) {
      written += (scenario.arrivals(writtenUntil) * STEP_MS) / 1000;
    }
    const total = WEIGHTS.reduce((sum, weight) => sum + weight, 0);
    for (const [i, weight] of WEIGHTS.entries()) backlogs[i]!.latest = Math.floor((written * weight) / total);
  };
  const sleepUntil = async (time: number) => {
    now = Math.max(now, time);
  };
  const clock = intervalClock({ now: () => now, sleepUntil }, intervalMs);
  const batches: SimulatedBatch[] = [];
  let batchTime: number | undefined;
  while (batches.length < scenario.batches) {
    batchTime = await clock.next(batchTime, new AbortController().signal);
    write();
    const limits = {
      intervalMs,
      maxRatePerPartition: undefined,
      minRatePerPartition: undefined,
      maxRate: backpressure.rateOf("simulated"),
      maxBytes: Number.POSITIVE_INFINITY,
    };
    const untils = clamp(backlogs, limits, BYTES_PER_RECORD);
    const records = untils.reduce((sum, until, i) => sum + until - backlogs[i]!.position, 0);
    const lag = untils.reduce((sum, until, i) => sum + backlogs[i]!.latest - until, 0);
    for (const [i, until] of untils.entries()) backlogs[i]!.position = until;
    const start = now;
    const msPerRecord = scenario.msPerRecord(start);
    now += Math.round(overheadMs + records * msPerRecord);
    const [processingDelay, schedulingDelay] = [now - start, start - batchTime];
    const capacity = (intervalMs - overheadMs) / msPerRecord;
    batches.push({ batchTime, records, lag, processingDelay, schedulingDelay, capacity });
    backpressure.completed({
      seq: batches.length,
      batchTime,
      missedTicks: 0,
      inputs: [{ name: "simulated", records, lag, offsetRanges: [], partitions: [], skipped: 0 }],
      submissionTime: start,
      processingStartTime: start,
      processingEndTime: now,
      schedulingDelay,
      processingDelay,
      totalDelay: schedulingDelay + processingDelay,
    });
  }
  return batches;
}

const TROUBLE_MS = { from: 20_000, until: 60_000 };

const isTrouble = (time: number) => time >= TROUBLE_MS.from && time < TROUBLE_MS.until;

/** A job that can do 9,000 records a second gets 1,000 a second, and from the 20th second on ten times as many for 40 s. */
export const TENFOLD_LOAD: Scenario = {
  intervalMs: 1000,
  batches: 90,
  arrivals: (time) => (isTrouble(time) ? 10_000 : 1000),
  msPerRecord: () => 0.1,
  overheadMs: 100,
};

/** A job with room to spare becomes ten times slower in the 20th second, and as fast as before in the 60th. */
export const TENFOLD_SLOWER: Scenario = {
  intervalMs: 1000,
  batches: 90,
  arrivals: () => 3000,
  msPerRecord: (time) => (isTrouble(time) ? 1 : 0.1),
  overheadMs: 100,
};

/** The batches that start in the time of the trouble. */
export function inTrouble(batches: readonly SimulatedBatch[]): SimulatedBatch[] {
  return batches.filter(({ batchTime, schedulingDelay }) => isTrouble(batchTime + schedulingDelay));
}
