import { MillraceError } from "./errors.ts";
import { shown } from "./options.ts";

/** Milliseconds since the epoch. `new Date(time)` for people. */
export type Time = number;

/** "200ms", "1.5s", "10m", "2h", or a number of milliseconds. PySpark counts seconds: `1` here is one millisecond. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h"}`;

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** @throws BAD_OPTION when `value` is no duration, or not from `minMs` to `maxMs`. */
export function parseDuration(
  value: unknown,
  option: string,
  { minMs = 0, maxMs = 2 ** 31 - 1 }: { minMs?: number; maxMs?: number } = {},
): number {
  const ms = typeof value === "number" ? value : parseText(value);
  if (ms === undefined || !Number.isFinite(ms)) {
    throw new MillraceError("BAD_OPTION", `${option} is not a duration: ${shown(value)}.`, {
      hint: 'Write "200ms", "1.5s", "10m" or "2h", or a number of milliseconds.',
    });
  }
  if (ms < minMs || ms > maxMs) {
    throw new MillraceError(
      "BAD_OPTION",
      `${option} must be from ${durationText(minMs)} to ${durationText(maxMs)}; it is ${durationText(ms)}.`,
      {
        hint:
          typeof value === "number" && ms < minMs && value * 1_000 >= minMs
            ? `A bare number counts milliseconds: for ${value} seconds write "${value}s".`
            : `Choose a duration of ${ms < minMs ? `at least ${durationText(minMs)}` : `at most ${durationText(maxMs)}`}.`,
      },
    );
  }
  return ms;
}

function parseText(value: unknown): number | undefined {
  const match = typeof value === "string" ? /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(value) : null;
  return match ? Number(match[1]) * UNITS[match[2] as keyof typeof UNITS] : undefined;
}

/** For people: `632 ms`, `3.2 s`, `5 min`, `24 h`. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${Number((ms / 1_000).toFixed(1))} s`;
  if (ms < 7_200_000) return `${Number((ms / 60_000).toFixed(1))} min`;
  return `${Number((ms / 3_600_000).toFixed(1))} h`;
}
