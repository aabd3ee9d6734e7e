import { MillraceError } from "../model/errors.ts";
import { type Check, checkOptions, isInteger } from "../model/options.ts";
import { namedPlaces, type PartitionRates, rateOf } from "../model/partition-rates.ts";

/** How backpressure finds the rate of a stream: Spark's PID estimator, and its constants. */
export interface BackpressureOptions {
  /**
   * Records per second of the whole stream until two batches have shown what the job can do.
   * Spark: `spark.streaming.backpressure.initialRate`, there without a default. @default 1000
   */
  initialRate?: number | undefined;
  /** Records per second that a stream never falls below. Spark: `spark.streaming.backpressure.pid.minRate`. @default 100 */
  minRate?: number | undefined;
  /** How much of the difference between the last rate and what was processed is corrected at once. Spark: `pid.proportional`. @default 1 */
  proportional?: number | undefined;
  /** How strongly the rate is cut to catch up with the delay. Spark: `pid.integral`. @default 0.2 */
  integral?: number | undefined;
  /** How strongly a change of that difference counts. Noise makes it swing. Spark: `pid.derived`. @default 0 */
  derived?: number | undefined;
}

export type ResolvedBackpressure = { readonly [O in keyof BackpressureOptions]-?: number };

const DEFAULTS: ResolvedBackpressure = { initialRate: 1000, minRate: 100, proportional: 1, integral: 0.2, derived: 0 };

const isWeight: Check = (value) =>
  typeof value === "number" && value >= 0 && value <= 100 ? undefined : "must be a number from 0 to 100";

const BACKPRESSURE_CHECKS: { readonly [O in keyof Required<BackpressureOptions>]: Check } = {
  initialRate: isInteger(1),
  minRate: isInteger(1),
  proportional: isWeight,
  integral: isWeight,
  derived: isWeight,
};

export const isBackpressure: Check = (value) => {
  if (typeof value === "boolean") return undefined;
  if (typeof value !== "object" || value === null) return "must be true, false or { initialRate: 1000 }";
  return void checkOptions("backpressure", value, BACKPRESSURE_CHECKS);
};

/** Undefined when there is none. */
export function resolveBackpressure(
  given: boolean | BackpressureOptions | undefined,
): ResolvedBackpressure | undefined {
  if (given === undefined || given === false) return undefined;
  const options = given === true ? {} : given;
  const resolved = { ...DEFAULTS };
  for (const name of Object.keys(DEFAULTS) as (keyof ResolvedBackpressure)[])
    resolved[name] = options[name] ?? DEFAULTS[name];
  return resolved;
}

const isRate = isInteger(1);

export const isPartitionRates: Check = (value) => {
  const isRateOfPartition = (key: string, rate: unknown) => /^\d+$/.test(key) && isRate(rate) === undefined;
  const isRateOfTopic = (_: string, rate: unknown) => isRate(rate) === undefined || isMapOf(rate, isRateOfPartition);
  return isRate(value) === undefined || isMapOf(value, isRateOfTopic)
    ? undefined
    : `${isRate(0)}, or such numbers by topic, or by topic and partition`;
};

function isMapOf(value: unknown, isEntry: (key: string, value: unknown) => boolean): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const entries = Object.entries(value);
  return entries.length > 0 && entries.every(([key, one]) => isEntry(key, one));
}

/** @throws BAD_OPTION when a partition must read more than it may. */
export function refuseMinAboveMax(min: PartitionRates | undefined, max: PartitionRates | undefined): void {
  const anywhere = { topic: "", partition: -1 };
  for (const place of [anywhere, ...namedPlaces(min), ...namedPlaces(max)]) {
    const [least, most] = [rateOf(min, place), rateOf(max, place)];
    if (least === undefined || most === undefined || least <= most) continue;
    const where = place.topic === "" ? "" : ` for ${place.topic}${place.partition < 0 ? "" : `-${place.partition}`}`;
    throw new MillraceError(
      "BAD_OPTION",
      `minRatePerPartition is ${least}${where}, but maxRatePerPartition is ${most}.`,
      { hint: "The minimum must not be above the maximum." },
    );
  }
}
