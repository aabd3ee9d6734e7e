import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { useKafka } from "../dev/kafka/index.ts";
import type { Heat } from "./contest.ts";
import { type BenchTopic, benchTopic, ensureTopics } from "./data/topics.ts";
import { machineAndVersions } from "./machine.ts";
import { measureMemory } from "./memory.ts";
import { type BenchOptions, parseOptions, usage } from "./options.ts";
import { race } from "./race.ts";
import { measureStartUp } from "./start-up.ts";
import { median } from "./statistics.ts";
import { type Summary, summarize } from "./summary.ts";
import { table } from "./table.ts";
import { type Workload, workloads } from "./workloads.ts";

/** `npm run bench -- --help` */

const WARM_UP_PASSES = 3;
/** The backlog of the memory row, in multiples of the others. */
const LONG_BACKLOG = 4;

const options = readOptions();
if (options === undefined) process.stdout.write(usage);
else await bench(options);

function readOptions(): BenchOptions | undefined {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
}

async function bench({ records, repetitions, codecs, threads, json, ...rows }: BenchOptions): Promise<void> {
  const progress = (line: string) => void process.stderr.write(`${line}\n`);
  progress("building the package ...");
  execFileSync(process.execPath, [join(import.meta.dirname, "../dev/build.ts")], { stdio: "inherit" });
  await using kafka = await useKafka({ fast: "run" });
  const { bootstrap } = kafka;
  const about = await machineAndVersions();
  const show = (line: object) => void (json && process.stdout.write(`${JSON.stringify({ ...line, ...about })}\n`));

  const heats = codecs.flatMap((codec) =>
    rows.workloads.map((workload) => ({ workload, topic: benchTopic(workloads[workload].kind, codec, records) })),
  );
  const backlog = benchTopic("text", "none", records * LONG_BACKLOG);
  const startUpTopic = benchTopic("text", "none", 1000);
  const topics = new Map<string, BenchTopic>();
  for (const { topic } of heats) topics.set(topic.topic, topic);
  if (rows.memory) topics.set(backlog.topic, backlog);
  if (rows.startUp) topics.set(startUpTopic.topic, startUpTopic);
  await ensureTopics(bootstrap, [...topics.values()], progress);
  const heatOf = (workload: Workload, { topic, codec, records }: BenchTopic): Heat => ({
    bootstrap,
    topic,
    workload,
    codec,
    records,
    threads,
  });

  const summaries: Summary[] = [];
  for (const { workload, topic } of heats) {
    progress(`${workload}, ${topic.codec} ...`);
    const heat = heatOf(workload, topic);
    const passes = {
      repetitions,
      warmUpPasses: WARM_UP_PASSES,
      warmPasses: 2 * repetitions,
      java: true,
      build: "package",
    } as const;
    const results = summarize(heat, await race(heat, passes));
    summaries.push(...results);
    for (const result of results) show(result);
  }
  if (summaries.length > 0) (json ? process.stderr : process.stdout).write(`${table(summaries)}\n`);

  if (rows.memory) {
    const { perExecutor, idleDriver, peak } = await measureMemory(heatOf("words", backlog));
    show({ workload: "memory", records: backlog.records, threads, perExecutorBytes: perExecutor, idleDriver, peak });
    if (!json) process.stdout.write(`memory: ${megabytes(perExecutor)} per executor with ${backlog.records} records\n`);
  }
  if (rows.startUp) {
    const seconds: number[] = [];
    for (let i = 0; i < repetitions; i++) seconds.push(await measureStartUp(bootstrap, startUpTopic.topic, threads));
    show({ workload: "start-up", threads, seconds: median(seconds), slowest: Math.max(...seconds) });
    if (!json) process.stdout.write(`start-up: ${median(seconds).toFixed(2)} s from command to first planned batch\n`);
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
