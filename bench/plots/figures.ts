import type { Bar, Figure, Panel } from "./bars.ts";
import type { LatencyLine, LimitLine, PeerLine, Results, ScaleLine } from "./results.ts";

/** Which results become which picture, by the name of its file. A picture without results is not made. */
export function figuresOf({ limit, peers, latency, scale }: Results): ReadonlyMap<string, Figure> {
  const figures: readonly (readonly [string, Figure])[] = [
    ["limit", limitFigure(limit)],
    ["peers", peersFigure(peers)],
    ["latency", latencyFigure(latency)],
    ["scale", scaleFigure(scale)],
  ];
  return new Map(figures.filter(([, { panels }]) => panels.length > 0));
}

const workloadTitles: Readonly<Record<string, string>> = {
  count: "Count of long lines",
  words: "Word count",
  json: "JSON: parse, sum by key",
  window: "Word count over a window of three batches",
  state: "Running totals of 100,000 keys",
  copy: "Copy from topic to topic with a filter",
};

const limitNames: Readonly<Record<string, string>> = {
  limit: "written by hand",
  engine: "millrace",
  java: "Kafka's Java tool",
};

const millions = (rate: number) => `${(rate / 1e6).toFixed(2)} M/s`;

function limitFigure(lines: readonly LimitLine[]): Figure {
  const shown = lines.filter(({ codec, phase }) => codec === "none" && phase !== "cold");
  const groups = Map.groupBy(shown, ({ workload, phase }) => `${workload} ${phase}`);
  const panels = [...groups.values()].map((group): Panel => {
    const { workload, phase } = group[0]!;
    return {
      title: `${workloadTitles[workload]}, ${phase === "process" ? "whole process" : phase}`,
      bars: group.map(({ competitor, recordsPerSecond }) => ({
        label: limitNames[competitor]!,
        value: recordsPerSecond,
        text: millions(recordsPerSecond),
        tone: competitor === "engine" ? "ours" : "other",
      })),
    };
  });
  return {
    title: "Against a loop written by hand",
    note: `Records per second, uncompressed. ${aboutOf(lines)}`,
    panels,
    scale: "linear",
  };
}

function peersFigure(lines: readonly PeerLine[]): Figure {
  const groups = Map.groupBy(
    lines.filter(({ codec }) => codec === "none"),
    ({ workload }) => workload,
  );
  const panels = [...groups].map(([workload, group]): Panel => {
    const warm = group
      .filter(({ phase }) => phase === "warm")
      .toSorted((a, b) => b.recordsPerSecond - a.recordsPerSecond);
    return {
      title: workloadTitles[workload] ?? workload,
      bars: warm.flatMap(({ competitor, recordsPerSecond }): Bar[] => {
        const ours = competitor === "millrace";
        const cold = group.find((line) => line.competitor === competitor && line.phase === "cold");
        const bar: Bar = {
          label: competitor,
          value: recordsPerSecond,
          text: millions(recordsPerSecond),
          tone: ours ? "ours" : "other",
        };
        if (cold === undefined) return [bar];
        const value = cold.recordsPerSecond;
        return [bar, { label: "cold", value, text: millions(value), tone: ours ? "ours-light" : "other-light" }];
      }),
    };
  });
  return {
    title: "Against the systems one would otherwise pick",
    note: `Records per second, warm, and cold below it. ${aboutOf(lines)}`,
    panels,
    scale: "linear",
  };
}

function latencyFigure(lines: readonly LatencyLine[]): Figure {
  const groups = Map.groupBy(lines, ({ rate }) => rate);
  const panels = [...groups].map(
    ([rate, group]): Panel => ({
      title: `${rate.toLocaleString("en")} records per second`,
      bars: group.flatMap(({ system, sink, trigger, p50, p99 }): Bar[] => {
        const ours = system === "millrace";
        const label = ours ? `${sink}, ${trigger}` : `${system}, ${sink}`;
        return [
          { label, value: p50, text: `${p50.toFixed(1)} ms`, tone: ours ? "ours" : "other" },
          { label: "99 %", value: p99, text: `${p99.toFixed(1)} ms`, tone: ours ? "ours-light" : "other-light" },
        ];
      }),
    }),
  );
  return {
    title: "From sending a record to reading it from an exactly-once sink",
    note: `Median, and 99th percentile below it; logarithmic. ${aboutOf(lines)}`,
    panels,
    scale: "logarithmic",
  };
}

interface ScaleView {
  readonly title: string;
  label(at: number): string;
  value(line: ScaleLine): number;
  text(value: number): string;
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
const milliseconds = (ms: number) => `${ms.toFixed(0)} ms`;

const scaleViews: Readonly<Record<Exclude<ScaleLine["row"], "backlog">, ScaleView>> = {
  executors: {
    title: "Word count with more executors, records per second",
    label: (at) => (at === 1 ? "1 executor" : `${at} executors`),
    value: (line) => Number(line.recordsPerSecond),
    text: millions,
  },
  partitions: {
    title: "Planning a batch over more partitions, median",
    label: (at) => (at === 1 ? "1 partition" : `${at.toLocaleString("en")} partitions`),
    value: (line) => Number(line.planMs),
    text: milliseconds,
  },
  size: {
    title: "Count of larger values, bytes per second",
    label: (at) => `${at.toLocaleString("en")} bytes`,
    value: (line) => Number(line.megabytesPerSecond),
    text: (rate) => `${rate.toFixed(0)} MB/s`,
  },
  keys: {
    title: "A batch of 50,000 records with more keys in its state, median",
    label: (at) => `${at.toLocaleString("en")} keys`,
    value: (line) => Number(line.batchMs),
    text: milliseconds,
  },
};

function scaleFigure(lines: readonly ScaleLine[]): Figure {
  const rows = Map.groupBy(lines, ({ row }) => row);
  const panels = Object.entries(scaleViews).flatMap(([row, { title, label, value, text }]): Panel[] => {
    const own = rows.get(row as ScaleLine["row"])?.toSorted((a, b) => a.at - b.at);
    if (own === undefined) return [];
    const bars = own.map(
      (line): Bar => ({ label: label(line.at), value: value(line), text: text(value(line)), tone: "ours" }),
    );
    return [{ title, bars }];
  });
  const backlog = rows.get("backlog")?.toSorted((a, b) => b.at - a.at)[0];
  if (backlog !== undefined) {
    const rss = backlog.rssBytes as readonly number[];
    panels.push({
      title: `Memory of the process along a backlog of ${backlog.at.toLocaleString("en")} records`,
      bars: rss.map((bytes, i) => ({
        label: `${Math.round(((i + 1) / rss.length) * 100)} %`,
        value: bytes,
        text: megabytes(bytes),
        tone: "ours",
      })),
    });
  }
  return { title: "As things grow", note: aboutOf(lines), panels, scale: "linear" };
}

function aboutOf(lines: readonly { readonly machine: string; readonly date: string }[]): string {
  const newest = lines.toSorted((a, b) => a.date.localeCompare(b.date)).at(-1);
  return newest === undefined ? "" : `${newest.machine}, shared with the broker; ${newest.date.slice(0, 10)}`;
}
