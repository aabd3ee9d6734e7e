/** `npm start`: Kafka, a feeder, the job of `job.ts` on every core, and a view of what it does. */
import { availableParallelism } from "node:os";
import { MillraceError, type RunningJob, runJob } from "millrace";
import { useKafka } from "../../dev/kafka/index.ts";
import { CtrlC } from "./ctrl-c.ts";
import { startFeeder } from "./feeder-process.ts";
import job, { viewsPerCountry } from "./job.ts";
import { countryName, share, sums, whole } from "./layout.ts";
import { type DemoOptions, parseOptions, UsageError, usage } from "./options.ts";
import { type DemoResult, resultOf } from "./result.ts";
import { Tally } from "./tally.ts";
import { createTopic } from "./topic.ts";
import { openView } from "./view.ts";

const COUNTRIES_TOLD = 4;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(args);
    if (options === "help") {
      console.log(usage);
      return 0;
    }
    const result = await demo(options);
    if (result === undefined) return 0;
    console.log(options.json ? JSON.stringify(result) : inWords(result));
    return result.problems.length === 0 ? 0 : 1;
  } catch (error) {
    console.error(inOneSentence(error));
    return error instanceof UsageError ? 2 : 1;
  }
}

/** @returns undefined when Ctrl-C came before there was anything to tell. */
async function demo({ records, json }: DemoOptions): Promise<DemoResult | undefined> {
  const output = json ? process.stderr : process.stdout;
  using ctrlC = new CtrlC();
  if (!process.env.KAFKA_BROKERS) output.write("Starting Apache Kafka ...\n");
  await using kafka = await useKafka();
  if (ctrlC.signal.aborted) return undefined;
  const brokers = kafka.bootstrap;
  await using topic = await createTopic(brokers);

  const executors = availableParallelism(); // what local[*] means
  const tally = new Tally(Date.now());
  using view = openView(output, {
    title: `${topic.name} on ${executors} executors`,
    brokers,
    perCountry: viewsPerCountry,
  });
  using feeder = startFeeder({ brokers, topic: topic.name, records });
  const running = await runJob(job, { master: "local[*]", params: { brokers, topic: topic.name } });
  const failure = running.awaitTermination(); // which settles before our stop() only by failing
  running.addStreamingListener(tally);
  running.addStreamingListener(view);

  const end = () => {
    view.status("Ending: counting what is left ...");
    feeder.stop();
  };
  if (ctrlC.signal.aborted) end();
  else ctrlC.signal.addEventListener("abort", end);
  try {
    const fed = await unlessFailed(feeder.fed, failure);
    await unlessFailed(readToEnd(running, tally, fed.produced), failure);
    return resultOf({ asked: records, fed, counted: viewsPerCountry, tally, executors });
  } finally {
    await running.stop().catch(() => {}); // why it failed, if it did, is being thrown already
  }
}

/** What is waited for; rejects when the stream fails meanwhile. */
function unlessFailed<T>(wanted: Promise<T>, failure: Promise<void>): Promise<T> {
  return Promise.race([wanted, failure.then(() => wanted)]);
}

/** Waits until the job has read everything that was written, or can be seen never to. */
async function readToEnd(running: RunningJob, tally: Tally, produced: number): Promise<void> {
  if (tally.records >= produced) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  let batches = 0;
  using _listening = running.addStreamingListener({
    onBatchCompleted(batch) {
      batches++; // the first may have been planned before the last record was written, the second was not
      if (tally.records >= produced || (batches > 1 && sums(batch).lag === 0)) resolve();
    },
  });
  await promise;
}

function inWords(result: DemoResult): string {
  const { produced, processed, batches, executors, seconds, recordsPerSecond, perCountry, problems } = result;
  const countries = Object.entries(perCountry)
    .slice(0, COUNTRIES_TOLD)
    .map(([country, views]) => `${countryName(country)} ${share(views, processed)}`);
  const verdict = problems.length === 0 ? "none is missing, none is doubled" : "they do not agree";
  return [
    "",
    `  ${whole(produced)} page views written, ${whole(processed)} counted: ${verdict}.`,
    `  ${whole(batches)} batches in ${seconds.toFixed(1)} s on ${executors} executors, ${whole(recordsPerSecond)} records/s.`,
    `  ${countries.join(", ")}`,
    ...problems.map((problem) => `  ${problem}.`),
  ].join("\n");
}

function inOneSentence(error: unknown): string {
  if (error instanceof UsageError) return `${error.message}\n\n${usage}`;
  if (MillraceError.is(error)) return `${error.message}\n${error.hint}`;
  return error instanceof Error ? error.message : String(error);
}
