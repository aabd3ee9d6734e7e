import { cellsOf, columns } from "../latency/table.ts";
import { table } from "../peers/summary.ts";
import type { LatencyLine, PeerLine, Results, ScaleLine } from "./results.ts";

/** The parts of docs/performance.md that results.jsonl writes: between `<!-- name -->` and `<!-- end of name -->`. */
export function withResults(document: string, results: Results): string {
  const parts: readonly (readonly [string, string | undefined])[] = [
    ["limit plot", results.limit.length > 0 ? image("limit", "millrace beside a loop written by hand") : undefined],
    ["peers", peersPart(results.peers)],
    ["latency", latencyPart(results.latency)],
    ["scale", scalePart(results.scale)],
  ];
  return parts.reduce(
    (text, [name, part]) => replaced(text, name, part ?? "No figures in bench/results.jsonl yet."),
    document,
  );
}

function replaced(document: string, name: string, part: string): string {
  const [start, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const from = document.indexOf(start);
  const to = document.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the document has no ${start} and ${end}`);
  return `${document.slice(0, from)}${start}\n${part}\n${document.slice(to)}`;
}

const image = (name: string, what: string) => `![${what}](plots/${name}.svg)`;

function peersPart(lines: readonly PeerLine[]): string | undefined {
  if (lines.length === 0) return undefined;
  const versions = new Map(lines.flatMap((line) => Object.entries(line.versions)));
  const named = [...versions].map(([name, version]) => `${name} ${version}`).join(", ");
  return [
    image("peers", "rates of millrace and its peers"),
    `${recordsOf(lines)}; median of all samples. Versions: ${named}.`,
    `Where a peer was better: ${whereBetter(lines)}`,
    table(lines),
  ].join("\n\n");
}

/** "2 M records in count, words; 1 M records in copy" */
function recordsOf(lines: readonly PeerLine[]): string {
  const byRecords = Map.groupBy(lines, ({ records }) => records);
  return [...byRecords]
    .map(([records, group]) => {
      const workloads = new Set(group.map(({ workload }) => workload));
      return `${records / 1e6} M records in ${[...workloads].join(", ")}`;
    })
    .join("; ");
}

/** Every row in which somebody is faster, or needs less CPU or memory, than we do. */
function whereBetter(lines: readonly PeerLine[]): string {
  const better = lines.flatMap((line) => {
    const ours = lines.find(
      ({ workload, codec, phase, competitor }) =>
        competitor === "millrace" && workload === line.workload && codec === line.codec && phase === line.phase,
    );
    if (ours === undefined || line === ours) return [];
    const of = (what: string, times: number) => (times > 1.02 ? [`${what} ${times.toFixed(1)}`] : []);
    const wins = [
      ...of("speed", line.recordsPerSecond / ours.recordsPerSecond),
      ...of("CPU", ours.cpuSecondsPerMillion / line.cpuSecondsPerMillion),
      ...of("memory", ours.peakRssBytes / line.peakRssBytes),
    ];
    return wins.length === 0 ? [] : [`${line.competitor}, ${line.workload} ${line.phase} (${wins.join(", ")})`];
  });
  return better.length === 0 ? "nowhere." : `${better.join("; ")}. The figures say how many times better.`;
}

const markdown = (rows: readonly (readonly (string | number)[])[]) =>
  rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n");

function latencyPart(lines: readonly LatencyLine[]): string | undefined {
  if (lines.length === 0) return undefined;
  const rows = lines.map((line) => cellsOf(line, line.fdatasync));
  return `${image("latency", "latency by trigger")}\n\n${markdown([columns, columns.map(() => "---"), ...rows])}`;
}

function scalePart(lines: readonly ScaleLine[]): string | undefined {
  return lines.length === 0 ? undefined : image("scale", "millrace as things grow");
}
