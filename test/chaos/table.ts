import type { Report } from "./run.ts";

/** A report for people. */
export function table(report: Report): string {
  const { kills, seed, records, seconds, sinks, killPoints, faults, state, unexpected } = report;
  const counts = (hits: { readonly [name: string]: number }) =>
    Object.entries(hits).map(([name, count]) => `  ${String(count).padStart(4)}  ${name}`);
  return [
    "",
    `${kills} strikes by seed ${seed}, ${records} records, ${seconds} s`,
    "",
    "hits of each kill point:",
    ...counts(killPoints),
    "faults:",
    ...counts(faults),
    "",
    ...Object.entries(sinks).map(
      ([sink, { lost, duplicated, wrong }]) =>
        `${sink.padEnd(10)} ${lost} lost, ${duplicated} duplicated, ${wrong} wrong`,
    ),
    `${"state".padEnd(10)} ${state.wrong} wrong`,
    ...unexpected.map((what) => `unexpected: ${what}`),
    "",
    "",
  ].join("\n");
}
