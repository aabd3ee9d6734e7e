import type { Phase } from "./race.ts";
import type { Summary } from "./summary.ts";

const header = [
  "workload",
  "codec",
  "phase",
  "limit",
  "engine",
  "slowest-fastest",
  "java",
  "of limit",
  "of limit, CPU",
  "times java",
  "CPU s per M (limit, engine, java)",
  "peak MB (limit, engine, java)",
];

/** A Markdown table, one row for each workload, codec and phase. Rates in million records a second. */
export function table(summaries: readonly Summary[]): string {
  const groups = Map.groupBy(summaries, ({ workload, codec, phase }) => `${workload} ${codec} ${phase}`);
  const rows = [...groups.values()].map((group) => row(group));
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((cells) => cells[column]!.length)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  return [line(header), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

function row(group: readonly Summary[]): string[] {
  const { workload, codec, phase } = group[0]!;
  const of = (name: Summary["competitor"]) => group.find(({ competitor }) => competitor === name);
  const [limit, engine, java] = [of("limit"), of("engine"), of("java")];
  const each = (show: (summary: Summary) => string) =>
    [limit, engine, java].flatMap((summary) => (summary === undefined ? [] : [show(summary)])).join(", ");
  return [
    workload,
    codec,
    phaseName(phase),
    millions(limit?.recordsPerSecond),
    millions(engine?.recordsPerSecond),
    `${millions(engine?.slowest)}-${millions(engine?.fastest)}`,
    millions(java?.recordsPerSecond),
    percent(engine?.ofLimit),
    percent(engine?.cpuOfLimit),
    engine?.timesJava?.toFixed(1) ?? "",
    each(({ cpuSecondsPerMillion }) => cpuSecondsPerMillion.toFixed(2)),
    each(({ peakRssBytes }) => (peakRssBytes / 1e6).toFixed(0)),
  ];
}

const phaseName = (phase: Phase) => (phase === "process" ? "whole process" : phase);
const millions = (value: number | undefined) => (value === undefined ? "" : (value / 1e6).toFixed(2));
const percent = (value: number | undefined) => (value === undefined ? "" : `${(value * 100).toFixed(0)} %`);
