import { type SimulatedBatch, simulate, TENFOLD_LOAD, TENFOLD_SLOWER } from "./simulation.ts";

interface Line {
  readonly name: string;
  readonly colour: string;
  readonly dashed?: boolean;
  readonly points: readonly (readonly [seconds: number, value: number])[];
}

const WIDTH = 760;
const PANEL = { left: 70, right: 20, top: 46, height: 180, gap: 66 };
const COLOURS = { records: "#1f6feb", capacity: "#8b949e", lag: "#d1242f" };

/** Both scenarios as one picture: records of each batch against what the job can process in an interval, and what waits. */
export async function plot(): Promise<string> {
  const panels = [
    { title: "Ten times the load, from second 20 to 60", batches: await simulate(TENFOLD_LOAD) },
    { title: "A job ten times slower, from second 20 to 60", batches: await simulate(TENFOLD_SLOWER) },
  ];
  const height = panels.length * (PANEL.top + PANEL.height + PANEL.gap) - PANEL.gap + 40;
  const drawn = panels.map(({ title, batches }, i) =>
    panel(title, linesOf(batches), i * (PANEL.top + PANEL.height + PANEL.gap)),
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">
<title>How backpressure takes a sudden load, and a job that becomes slow</title>
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${drawn.join("\n")}
</svg>
`;
}

function linesOf(batches: readonly SimulatedBatch[]): Line[] {
  const line = (of: (batch: SimulatedBatch) => number) =>
    batches.map((batch) => [batch.batchTime / 1000, of(batch)] as const);
  return [
    {
      name: "records the job can process in an interval",
      colour: COLOURS.capacity,
      dashed: true,
      points: line(({ capacity }) => capacity),
    },
    { name: "records of the batch", colour: COLOURS.records, points: line(({ records }) => records) },
    { name: "lag, a tenth", colour: COLOURS.lag, points: line(({ lag }) => lag / 10) },
  ];
}

function panel(title: string, lines: readonly Line[], y: number): string {
  const [from, until] = [PANEL.left, WIDTH - PANEL.right];
  const [top, bottom] = [y + PANEL.top, y + PANEL.top + PANEL.height];
  const lastSecond = Math.ceil(Math.max(...lines.flatMap(({ points }) => points.map(([x]) => x))) / 10) * 10;
  const highest = Math.ceil(Math.max(...lines.flatMap(({ points }) => points.map(([, value]) => value))) / 2000) * 2000;
  const x = (seconds: number) => round(from + ((until - from) * seconds) / lastSecond);
  const height = (value: number) => round(bottom - ((bottom - top) * value) / highest);
  const parts = [`<text x="${from}" y="${y + 20}" font-size="14" font-weight="bold">${title}</text>`];
  for (let value = 0; value <= highest; value += highest / 4) {
    parts.push(`<line x1="${from}" x2="${until}" y1="${height(value)}" y2="${height(value)}" stroke="#d0d7de"/>`);
    parts.push(`<text x="${from - 8}" y="${height(value) + 4}" text-anchor="end">${value}</text>`);
  }
  for (let second = 0; second <= lastSecond; second += 10) {
    parts.push(`<text x="${x(second)}" y="${bottom + 18}" text-anchor="middle">${second} s</text>`);
  }
  for (const [i, { name, colour, dashed, points }] of lines.entries()) {
    const path = points.map(([seconds, value]) => `${x(seconds)},${height(value)}`).join(" ");
    const dash = dashed ? ' stroke-dasharray="6 4"' : "";
    parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="1.5"${dash}/>`);
    parts.push(`<text x="${from + 270 * i}" y="${y + 38}" fill="${colour}">${name}</text>`);
  }
  return parts.join("\n");
}

const round = (value: number) => Math.round(value * 10) / 10;
