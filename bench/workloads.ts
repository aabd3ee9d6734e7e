import { createHash } from "node:crypto";
import type { Kind } from "./data/records.ts";

/** What each competitor computes. */
export const workloads = {
  /** Decode each value to a string, map it to its length, filter, count. */
  count: { kind: "text" },
  /** Split each value into words, pair each with 1, add up by key. */
  words: { kind: "text" },
  /** Parse each value as JSON, add up one number by key. */
  json: { kind: "json" },
} as const satisfies Record<string, { kind: Kind }>;

export type Workload = keyof typeof workloads;

export const workloadNames = Object.keys(workloads) as Workload[];

/** The count keeps lines longer than this: about half of them. */
export const LONG_LINE = 69;

/** The same for equal results, whatever the order of the keys. */
export function digestOf(result: number | readonly (readonly [string, number])[]): string {
  if (typeof result === "number") return String(result);
  const lines = result.map(([key, value]) => `${key} ${value}\n`).sort();
  return createHash("sha256").update(lines.join("")).digest("hex");
}
