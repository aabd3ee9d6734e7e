import type { WriteStream } from "node:tty";
import { styleText } from "node:util";
import type { BatchInfo, StreamingListener } from "millrace";
import { clockTime, draw, type Paint, type Snapshot, share, sums, whole } from "./layout.ts";

/** Shows a run while it goes on: a listener like any other. */
export interface View extends StreamingListener, Disposable {
  /** Says what happens now. */
  status(text: string): void;
  /** The last picture stays where it is; what is written next comes below. */
  [Symbol.dispose](): void;
}

export interface ViewOptions {
  readonly title: string;
  readonly brokers: string;
  /** The counts as they stand. */
  readonly perCountry: () => ReadonlyMap<string, number>;
}

/** A picture that is drawn again in place on a terminal, a line per batch elsewhere. */
export function openView(output: WriteStream, options: ViewOptions): View {
  return output.isTTY && process.env.TERM !== "dumb" ? liveView(output, options) : plainView(output, options);
}

const HISTORY = 200;
const hideCursor = "\x1b[?25l";
const showCursor = "\x1b[?25h";
const clearScreen = "\x1b[2J\x1b[H";
const clearToEndOfLine = "\x1b[K";
const clearBelow = "\x1b[J";
const up = (lines: number) => (lines === 0 ? "" : `\x1b[${lines}A`);

/** Of a terminal that does not know its size, as some CI systems and containers give: the usual one. */
const sizeOf = ({ columns, rows }: WriteStream) => ({ columns: columns || 80, rows: rows || 24 });

function liveView(output: WriteStream, { title, brokers, perCountry }: ViewOptions): View {
  const paint: Paint = (format, text) => styleText(format, text, { stream: output }); // follows NO_COLOR
  const recordsPerBatch: number[] = [];
  let footer = "Ctrl-C ends it";
  let last: BatchInfo | undefined;
  let drawn = 0;

  const redraw = () => {
    const snapshot: Snapshot = { title, brokers, batch: last, recordsPerBatch, perCountry: perCountry(), footer };
    const lines = draw(snapshot, { ...sizeOf(output), paint });
    // In one piece, so that the terminal never shows half a picture.
    output.write(`\r${up(drawn)}${lines.map((line) => `${line}${clearToEndOfLine}\n`).join("")}${clearBelow}`);
    drawn = lines.length;
  };
  const resized = () => {
    // The terminal has wrapped the old lines: nobody knows where they are.
    output.write(clearScreen);
    drawn = 0;
    redraw();
  };
  const restore = () => void output.write(showCursor);

  output.write(`${hideCursor}\n`);
  redraw();
  output.on("resize", resized);
  process.once("exit", restore);
  return {
    onBatchCompleted(info) {
      last = info;
      recordsPerBatch.push(sums(info).records);
      if (recordsPerBatch.length > HISTORY) recordsPerBatch.shift();
      redraw();
    },
    status(text) {
      footer = text;
      redraw();
    },
    [Symbol.dispose]() {
      output.off("resize", resized);
      process.off("exit", restore);
      restore();
    },
  };
}

const TOP = 3;

function plainView(output: NodeJS.WritableStream, { title, brokers, perCountry }: ViewOptions): View {
  output.write(`${title}, Kafka at ${brokers}\n`);
  return {
    onBatchCompleted(info) {
      const { records, lag } = sums(info);
      const ranges = info.inputs.flatMap(({ offsetRanges }) => offsetRanges);
      const parts = [
        clockTime(info.batchTime),
        `batch ${info.seq}`,
        `${whole(records)} records in ${info.processingDelay ?? 0} ms`,
        `lag ${whole(lag)}`,
        ranges.map(({ partition, fromOffset, untilOffset }) => `${partition}: ${fromOffset}-${untilOffset}`).join(", "),
        topCountries(perCountry(), TOP),
      ];
      output.write(`${parts.filter((part) => part !== "").join("  ")}\n`);
    },
    status(text) {
      output.write(`${text}\n`);
    },
    [Symbol.dispose]() {},
  };
}

/** `US 27.4 %, IN 13.1 %`. */
export function topCountries(perCountry: ReadonlyMap<string, number>, most: number): string {
  const total = [...perCountry.values()].reduce((sum, views) => sum + views, 0);
  return [...perCountry]
    .sort((a, b) => b[1] - a[1])
    .slice(0, most)
    .map(([country, views]) => `${country} ${share(views, total)}`)
    .join(", ");
}
