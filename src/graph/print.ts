import { inspect } from "node:util";
import type { Time } from "../model/duration.ts";

const LINE = "-------------------------------------------";

/** Spark's layout of `pprint`. `values` may hold one more than `limit`, which shows that there are more. */
export function printBatch(time: Time, values: readonly unknown[], limit: number): void {
  const shown = values.slice(0, limit).map((value) => (typeof value === "string" ? value : inspect(value)));
  const more = values.length > limit ? ["..."] : [];
  console.log([LINE, `Time: ${new Date(time).toISOString()}`, LINE, ...shown, ...more, ""].join("\n"));
}
