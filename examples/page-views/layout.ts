import { type BatchInfo, OffsetRange } from "millrace";

/** What one picture shows. */
export interface Snapshot {
  readonly title: string;
  readonly brokers: string;
  /** The last one; undefined before the first. */
  readonly batch: BatchInfo | undefined;
  /** Records of the last batches, the latest last. */
  readonly recordsPerBatch: readonly number[];
  /** Since the start. */
  readonly perCountry: ReadonlyMap<string, number>;
  readonly footer: string;
}

export interface Screen {
  readonly columns: number;
  readonly rows: number;
  readonly paint: Paint;
}

/** Colours a text, or leaves it as it is. */
export type Paint = (format: "bold" | "dim" | "cyan" | "yellow", text: string) => string;

/** A piece of a line, and how it looks. */
type Piece = string | readonly [format: Parameters<Paint>[0], text: string];

const MARGIN = "  ";
const WIDEST = 120;
/** Below this a table has no room, and a line says the same in fewer columns. */
const NARROW = 64;
/** Rows of the picture that are not countries, and the row of the cursor below it. */
const OTHER_ROWS = 16;
const COUNTRIES_MOST = 8;
const BAR = "▇";
const LEVELS = "▁▂▃▄▅▆▇█";

/** The picture, line by line, none longer than the screen is wide, and all above the row of the cursor. */
export function draw(snapshot: Snapshot, { columns, rows, paint }: Screen): string[] {
  const width = Math.min(columns, WIDEST) - MARGIN.length;
  const { batch, perCountry, recordsPerBatch, footer } = snapshot;
  const countries = Math.max(1, Math.min(COUNTRIES_MOST, rows - OTHER_ROWS));
  const tables =
    batch === undefined
      ? [[["Waiting for the first batch ..."]]]
      : [
          batchLines(batch, width),
          partitionLines(batch, width),
          countryLines(perCountry, countries, width),
          [historyLine(recordsPerBatch, width)],
        ];
  return fitting([[headLine(snapshot, width)], ...tables], ["dim", footer], rows - 1).map((pieces) =>
    render(pieces, width, paint),
  );
}

/** On a screen with too few rows first the empty lines go, then the last tables. */
function fitting(tables: readonly Piece[][][], footer: Piece, rows: number): Piece[][] {
  const spaced = tables.flatMap((lines, i) => (i === 0 ? lines : [[], ...lines]));
  if (spaced.length < rows) return [...spaced, [footer]];
  const shown = [...tables];
  while (shown.length > 2 && shown.flat().length >= rows) shown.pop();
  return [...shown.flat(), [footer]].slice(0, Math.max(1, rows));
}

function headLine({ title, brokers }: Snapshot, width: number): Piece[] {
  const room = width - title.length - MARGIN.length;
  const where = `Kafka at ${brokers}`;
  return where.length < room ? [["bold", title], ["dim", where.padStart(room)]] : [["bold", title]]; // biome-ignore format: a table
}

function batchLines(batch: BatchInfo, width: number): Piece[][] {
  const { records, lag } = sums(batch);
  const ms = batch.processingDelay ?? 0;
  if (width < NARROW) {
    return [
      [["bold", `Batch ${batch.seq}, ${clockTime(batch.batchTime)}`]],
      [`${whole(records)} records in ${whole(ms)} ms, lag ${whole(lag)}`],
    ];
  }
  const cell = Math.floor((width - MARGIN.length - 7) / 5);
  const heads = ["TIME", "RECORDS", "PROCESSING", "RECORDS/S", "LAG"].map((head) => head.padStart(cell)).join("");
  const cells = [
    clockTime(batch.batchTime),
    whole(records),
    `${whole(ms)} ms`,
    ms > 0 ? whole((records / ms) * 1_000) : "-",
  ];
  return [
    [["dim", `BATCH  ${heads}`]],
    [
      ["bold", String(batch.seq).padEnd(7) + cells.map((text) => text.padStart(cell)).join("")],
      [lag > 0 ? "yellow" : "bold", whole(lag).padStart(cell)],
    ],
  ];
}

const partitionCell = 15;

function partitionLines(batch: BatchInfo, width: number): Piece[][] {
  const ranges = batch.inputs.flatMap(({ offsetRanges }) => offsetRanges);
  if (width < NARROW) {
    return ranges.map(({ partition, fromOffset, untilOffset }): Piece[] => [
      `partition ${partition}  ${whole(fromOffset)} -> ${whole(untilOffset)}`,
    ]);
  }
  const most = Math.max(...ranges.map(OffsetRange.count));
  const heads = ["FROM OFFSET", "UNTIL OFFSET", "RECORDS"].map((head) => head.padStart(partitionCell)).join("");
  const bar = width - MARGIN.length - 11 - 3 * partitionCell - 2;
  return [
    [["dim", `PARTITION  ${heads}`]],
    ...ranges.map((range): Piece[] => {
      const count = OffsetRange.count(range);
      const cells = [range.fromOffset, range.untilOffset, count].map((n) => whole(n).padStart(partitionCell)).join("");
      return [String(range.partition).padEnd(11), `${cells}  `, ["cyan", bars(count, most, bar)]];
    }),
  ];
}

const cellsOf = (width: number) => (width < NARROW ? [16, 12, 8] : [20, 15, 8]) as [number, number, number];

function countryLines(perCountry: ReadonlyMap<string, number>, most: number, width: number): Piece[][] {
  const sorted = [...perCountry].sort((a, b) => b[1] - a[1]);
  const total = sorted.reduce((sum, [, views]) => sum + views, 0);
  const largest = sorted[0]?.[1] ?? 0;
  const [nameCell, viewsCell, shareCell] = cellsOf(width);
  const bar = width - MARGIN.length - nameCell - viewsCell - shareCell - 2;
  const rows = sorted.slice(0, most).map(([country, views]): Piece[] => {
    const name = countryName(country).slice(0, nameCell).padEnd(nameCell);
    const cells = `${name}${whole(views).padStart(viewsCell)}${share(views, total).padStart(shareCell)}  `;
    return [cells, ["cyan", bars(views, largest, bar)]];
  });
  const missing = Array.from({ length: most - rows.length }, (): Piece[] => []);
  return [
    [["dim", `${"COUNTRY".padEnd(nameCell)}${"VIEWS SO FAR".padStart(viewsCell)}${"SHARE".padStart(shareCell)}`]],
    ...rows,
    ...missing,
  ];
}

function historyLine(recordsPerBatch: readonly number[], width: number): Piece[] {
  const head = "RECORDS PER BATCH  ";
  const shown = recordsPerBatch.slice(-Math.max(0, width - MARGIN.length - head.length));
  const most = Math.max(1, ...shown);
  const levels = shown.map((records) => LEVELS[Math.round((records / most) * (LEVELS.length - 1))]);
  return [
    ["dim", head],
    ["cyan", levels.join("")],
  ];
}

/** The line in the margins of the screen, cut where it is too long for it. */
function render(pieces: readonly Piece[], width: number, paint: Paint): string {
  let left = width - MARGIN.length;
  const painted = pieces.map((piece) => {
    const text = (typeof piece === "string" ? piece : piece[1]).slice(0, Math.max(0, left));
    left -= text.length;
    return typeof piece === "string" || text === "" ? text : paint(piece[0], text);
  });
  return painted.length === 0 ? "" : MARGIN + painted.join("");
}

export function sums(batch: BatchInfo): { records: number; lag: number } {
  return {
    records: batch.inputs.reduce((sum, input) => sum + input.records, 0),
    lag: batch.inputs.reduce((sum, input) => sum + input.lag, 0),
  };
}

export const whole = (n: number) => Math.round(n).toLocaleString("en-US");
export const share = (part: number, total: number) => `${total === 0 ? "0.0" : ((part / total) * 100).toFixed(1)} %`;
export const clockTime = (time: number) => new Date(time).toLocaleTimeString("en-GB");

const regions = new Intl.DisplayNames("en", { type: "region" });
export const countryName = (code: string) => regions.of(code) ?? code;

function bars(part: number, most: number, width: number): string {
  if (part === 0 || width <= 0) return "";
  return BAR.repeat(Math.max(1, Math.round((part / most) * width)));
}
