/** The demo's picture, and how it is drawn again in place. */
import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import type { WriteStream } from "node:tty";
import { draw, type Snapshot } from "../../examples/page-views/layout.ts";
import { openView } from "../../examples/page-views/view.ts";
import { batchInfo } from "./batch-info.ts";

const offsets = [[0, 1_234], [10, 70], [5, 5], [1_000_000, 1_000_001]] as const; // biome-ignore format: a table
const perCountry = new Map([["DE", 250], ["US", 1_000], ["XX", 45]]); // biome-ignore format: a table
const snapshot: Snapshot = {
  title: "page-views on 2 executors",
  brokers: "127.0.0.1:9092",
  batch: batchInfo(12, offsets),
  recordsPerBatch: [100, 50, 0, 100],
  perCountry,
  footer: "Ctrl-C ends it",
};
const plain = (_format: string, text: string) => text;

test("at 80 columns everything has its place", () => {
  const lines = draw(snapshot, { columns: 80, rows: 24, paint: plain });
  const time = new Date(snapshot.batch!.batchTime).toLocaleTimeString("en-GB");
  assert.deepEqual(lines, [
    "  page-views on 2 executors                            Kafka at 127.0.0.1:9092",
    "",
    "  BATCH           TIME      RECORDS   PROCESSING    RECORDS/S          LAG",
    `  12          ${time}        1,295        40 ms       32,375            0`,
    "",
    "  PARTITION      FROM OFFSET   UNTIL OFFSET        RECORDS",
    "  0                        0          1,234          1,234  ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇",
    "  1                       10             70             60  ▇",
    "  2                        5              5              0  ",
    "  3                1,000,000      1,000,001              1  ▇",
    "",
    "  COUNTRY                VIEWS SO FAR   SHARE",
    "  United States                 1,000  77.2 %  ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇",
    "  Germany                         250  19.3 %  ▇▇▇▇▇▇▇▇",
    "  XX                               45   3.5 %  ▇",
    "",
    "",
    "",
    "",
    "",
    "",
    "  RECORDS PER BATCH  █▅▁█",
    "  Ctrl-C ends it",
  ]);
});

test("no picture is wider or taller than its terminal", () => {
  for (const [columns, rows] of [
    [40, 10],
    [40, 5],
    [80, 2],
    [30, 24],
    [60, 20],
    [80, 24],
    [200, 60],
  ] as const) {
    // biome-ignore format: a table
    const lines = draw({ ...snapshot, recordsPerBatch: Array(300).fill(7) }, { columns, rows, paint: plain });
    assert.ok(lines.length < rows, `${lines.length} lines on ${rows} rows`);
    assert.ok(Math.max(...lines.map((line) => line.length)) <= columns, `${columns} columns`);
  }
});

test("on a small terminal the batch and its partitions come first", () => {
  const lines = draw(snapshot, { columns: 40, rows: 10, paint: plain });
  const time = new Date(snapshot.batch!.batchTime).toLocaleTimeString("en-GB");
  assert.deepEqual(lines, [
    "  page-views on 2 executors",
    `  Batch 12, ${time}`,
    "  1,295 records in 40 ms, lag 0",
    "  partition 0  0 -> 1,234",
    "  partition 1  10 -> 70",
    "  partition 2  5 -> 5",
    "  partition 3  1,000,000 -> 1,000,001",
    "  Ctrl-C ends it",
  ]);
});

test("a terminal that does not know its size gets the picture of the usual one", () => {
  const [unknown, usual] = [
    { columns: 0, rows: 0 },
    { columns: 80, rows: 24 },
  ].map((size) => {
    const { output, written } = terminal(size);
    const view = openView(output, { title: "t", brokers: "b", perCountry: () => perCountry });
    view.onBatchCompleted!(batchInfo(1, offsets));
    view[Symbol.dispose]();
    return written;
  });
  assert.deepEqual(unknown, usual);
});

test("on a terminal each picture is drawn over the one before, and the cursor comes back", () => {
  const { output, written } = terminal();
  const view = openView(output, { title: "t", brokers: "b", perCountry: () => perCountry });
  view.onBatchCompleted!(batchInfo(1, offsets));
  view.onBatchCompleted!(batchInfo(2, offsets));
  const [first, second] = written.slice(-2) as [string, string];
  assert.ok(second.startsWith(`\r\x1b[${first.split("\n").length - 1}A`));
  assert.equal(written[0], "\x1b[?25l\n");
  view[Symbol.dispose]();
  assert.equal(written.at(-1), "\x1b[?25h");
});

test("elsewhere each batch is one line without control characters", () => {
  const { output, written } = terminal({ isTTY: false });
  using view = openView(output, { title: "t", brokers: "b", perCountry: () => perCountry });
  view.onBatchCompleted!(batchInfo(1, [[0, 5], [7, 9]])); // biome-ignore format: a table
  view.status("ending");
  const time = new Date(batchInfo(1, []).batchTime).toLocaleTimeString("en-GB");
  assert.deepEqual(written, [
    "t, Kafka at b\n",
    `${time}  batch 1  7 records in 40 ms  lag 0  0: 0-5, 1: 7-9  US 77.2 %, DE 19.3 %, XX 3.5 %\n`,
    "ending\n",
  ]);
});

function terminal(properties: { isTTY?: boolean; columns?: number; rows?: number } = {}): {
  output: WriteStream;
  written: string[];
} {
  const written: string[] = [];
  const stream = new Writable({
    decodeStrings: false,
    write(text: string, _encoding, done) {
      written.push(text);
      done();
    },
  });
  return {
    output: Object.assign(stream, { isTTY: true, columns: 80, rows: 24, ...properties }) as unknown as WriteStream,
    written,
  };
}
