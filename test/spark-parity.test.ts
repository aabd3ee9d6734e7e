/** docs/spark-parity.md and the code keep in step: what it names is there, what is there is named, and its tests show it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as millrace from "millrace";
import { BatchRDD, DStream, KafkaUtils, OffsetRange, RDD, StreamingContext } from "millrace";
import * as avro from "millrace/avro";
import { StreamWithState } from "../src/graph/dstream.ts";
import { JobContext } from "../src/graph/job-context.ts";
import { JOB_CHECKS } from "../src/job/options.ts";

const root = join(import.meta.dirname, "..");
const read = (path: string) => readFileSync(join(root, path), "utf8");
const page = read("docs/spark-parity.md");

interface Row {
  readonly chapter: string;
  readonly spark: string;
  readonly ours: string;
  readonly tests: string;
}

const rows: Row[] = page
  .split(/^## /m)
  .slice(1)
  .flatMap((text) => {
    const [chapter = "", ...lines] = text.split("\n");
    const cells = lines.filter((line) => line.startsWith("| ")).map((line) => line.slice(2, -2).split(" | "));
    // The first one is the head of the table.
    return cells.slice(1).map((row) => ({ chapter, spark: row[0]!, ours: row[1]!, tests: row.at(-1)! }));
  });

/** The members of a type: there is nothing of them when the program runs. */
const membersOf = (path: string, type: string) => {
  const body = new RegExp(`export interface ${type}\\b[^{]*{\\n([\\s\\S]*?)\\n}`).exec(read(path))![1]!;
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[:(]/gm)].map((match) => match[1]!);
};

const INTERNAL = ["constructor", "streamOf", "rddOf"];

/** Of the class and of what it extends. */
function methodsOf({ prototype }: { readonly prototype: object }): string[] {
  const names: string[] = [];
  for (let p = prototype; p !== Object.prototype; p = Object.getPrototypeOf(p))
    names.push(...Object.getOwnPropertyNames(p));
  return [...new Set(names)].filter((name) => !INTERNAL.includes(name));
}

/** What is asked of the class itself. */
const contextStatics = Object.getOwnPropertyNames(StreamingContext).filter(
  (name) => typeof Reflect.get(StreamingContext, name) === "function",
);

const streamOptions = membersOf("src/kafka/kafka-utils.ts", "DirectStreamOptions");
const callbacks = membersOf("src/model/events.ts", "StreamingListener");
const infos = ["BatchInfo", "InputInfo", "OutputInfo", "OutputOperationInfo"].flatMap((type) =>
  membersOf("src/model/events.ts", type),
);
const backpressure = membersOf("src/job/rate-options.ts", "BackpressureOptions");
const jobOptions = Object.keys(JOB_CHECKS);
const runOptions = membersOf("src/run-job.ts", "RunOptions");
const stream = methodsOf(DStream);
const rdd = methodsOf(RDD);

/** What the names of a chapter may be. */
const chapters: { readonly [chapter: string]: readonly string[] } = {
  KafkaUtils: [...Object.keys(KafkaUtils), ...streamOptions, ...Object.keys(millrace)],
  OffsetRange: [...Object.keys(OffsetRange), "OffsetRange", "ConsumerRecord", "offsetRanges"],
  StreamingContext: [...methodsOf(StreamingContext), ...contextStatics, ...Object.keys(millrace), ...jobOptions],
  DStream: stream,
  "DStream of pairs": stream,
  State: [...methodsOf(StreamWithState), ...membersOf("src/state/map-with-state.ts", "State")],
  Windows: [...stream, "BAD_OPTION"],
  RDD: rdd,
  Actions: methodsOf(BatchRDD),
  Listeners: [...callbacks, ...infos],
  Configuration: [...jobOptions, ...backpressure, ...runOptions, ...methodsOf(StreamingContext), "runJob"],
  "Beyond Spark's streams": [...Object.keys(avro), ...streamOptions],
};

/** The names in a cell: `map(f)`, `ssc.union(a)`, `batchInterval`; not what is quoted, a path or a key of Kafka. */
function namesIn(cell: string): string[] {
  const spans = [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
  return spans.flatMap((span) => /^(?:(?:ssc|sc|rdd|OffsetRange)\.)?(\w+)(?:\(.*\))?$/.exec(span)?.[1] ?? []);
}

const oursOf = ({ spark, ours }: Row) => namesIn(ours.startsWith("the same") && !ours.includes("`") ? spark : ours);
const namedIn = (chapter: (name: string) => boolean) =>
  new Set(rows.filter((row) => chapter(row.chapter) && row.ours !== "left out").flatMap(oursOf));

test("what the table names is there, in the class that its chapter is about", () => {
  assert.ok(rows.length > 120, `${rows.length} rows`);
  const wrong = rows.flatMap((row) => {
    const known = chapters[row.chapter];
    if (known === undefined || row.ours === "left out") return [];
    return oursOf(row)
      .filter((name) => !known.includes(name))
      .map((name) => `${row.chapter}: ${name}`);
  });
  assert.deepEqual(wrong, []);
  const headings = new Set(rows.map(({ chapter }) => chapter));
  assert.deepEqual(
    Object.keys(chapters).filter((chapter) => !headings.has(chapter)),
    [],
  );
});

test("every public method, option and callback is in the table", () => {
  const streams = namedIn((chapter) => ["DStream", "DStream of pairs", "State", "Windows"].includes(chapter));
  const plans = namedIn((chapter) => ["RDD", "Actions", "OffsetRange"].includes(chapter));
  const kafka = namedIn((chapter) => ["KafkaUtils", "OffsetRange"].includes(chapter));
  const expected: [ReadonlySet<string>, readonly string[]][] = [
    [streams, methodsOf(StreamWithState)],
    [plans, [...rdd]],
    [kafka, [...Object.keys(KafkaUtils), ...Object.keys(OffsetRange), ...streamOptions]],
    [
      namedIn((chapter) => chapter === "StreamingContext"),
      [...methodsOf(JobContext), ...methodsOf(StreamingContext), ...contextStatics],
    ],
    [namedIn((chapter) => chapter === "Configuration"), [...jobOptions, ...backpressure]],
    [namedIn((chapter) => chapter === "Listeners"), callbacks],
  ];
  assert.deepEqual(
    expected.flatMap(([named, all]) => all.filter((name) => !named.has(name))),
    [],
  );
});

test("every row has a test that is there, or is left out", () => {
  const links = /\[([^\]]+)\]\(\.\.\/(test\/[^)]+)\)/g;
  const missing: string[] = [];
  for (const { chapter, spark, ours, tests } of rows) {
    if (chapter === "Spark's tests that are not here") continue;
    const shown = [...tests.matchAll(links)];
    if (shown.length === 0 && ours !== "left out" && ours !== "") missing.push(`${spark}: no test`);
    for (const [, title, path] of shown) {
      const texts = [...read(path!).matchAll(/"([^"\n]*)"|`([^`\n]*)`/g)].map(
        ([, text, template]) => text ?? template!,
      );
      // Short ones are names, which must not be found in the middle of others.
      const isIt = (text: string) => text === title || (title!.length >= 10 && text.includes(title!));
      if (!texts.some(isIt)) missing.push(`${path}: ${title}`);
    }
  }
  assert.deepEqual(missing, []);
});
