/** `npm start`: Kafka, a feeder, the job of `job.ts` on every core, and a view of what it does. */
import { availableParallelism } from "node:os";
import { MillraceError } from "millrace";
import { useKafka } from "../../dev/kafka/index.ts";
import { CtrlC } from "./ctrl-c.ts";
import { startFeeder } from "./feeder-process.ts";
import { Home, readCounts } from "./home.ts";
import { Killer } from "./killer.ts";
import { LastingDriver } from "./lasting-driver.ts";
import { countryName, share, sums, whole } from "./layout.ts";
import { type DemoOptions, parseOptions, UsageError, usage } from "./options.ts";
import { type DemoResult, resultOf } from "./result.ts";
import { Tally } from "./tally.ts";
import { openTopic } from "./topic.ts";
import { openView } from "./view.ts";

const COUNTRIES_TOLD = 4;

/** So many batches without a record, and nothing behind them: no more will come. */
const IDLE_BATCHES = 2;

/** With --kill a batch takes this part of a partition's records at most, so that there is a half way: six batches of four partitions. */
const PART_PER_BATCH = 1 / 24;

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
async function demo({ records, json, kill, reset, home: folder }: DemoOptions): Promise<DemoResult | undefined> {
  const output = json ? process.stderr : process.stdout;
  const lasts = records === undefined;
  using ctrlC = new CtrlC();
  using home = lasts ? Home.lasting(process.env.KAFKA_BROKERS, folder) : Home.temporary();
  if (reset) home.forget();
  const sayWhy = () => output.write("Ending when Kafka is ready; Ctrl-C again ends at once.\n");
  ctrlC.signal.addEventListener("abort", sayWhy);
  if (!process.env.KAFKA_BROKERS) output.write("Starting Apache Kafka ...\n");
  await using kafka = await useKafka(home.kafka === undefined ? {} : { dataDirectory: home.kafka });
  if (ctrlC.signal.aborted) return undefined;
  ctrlC.signal.removeEventListener("abort", sayWhy);
  const brokers = kafka.bootstrap;
  await using topic = await openTopic(brokers, home, lasts);
  if (topic.before > 0) output.write(`Going on after ${whole(topic.before)} page views; --reset begins at zero.\n`);

  const executors = availableParallelism(); // what local[*] means
  const tally = new Tally(Date.now());
  using view = openView(output, {
    title: `${topic.name} on ${executors} executors`,
    brokers,
    perCountry: () => readCounts(home.database),
  });
  using feeder = startFeeder({ brokers, topic: topic.name, records });
  const killer = new Killer(tally, kill ? records! / 2 : undefined);
  using driver = new LastingDriver(
    {
      brokers,
      topic: topic.name,
      database: home.database,
      checkpointDirectory: home.checkpoint,
      // Slowly enough that there is a half way.
      maxRatePerPartition: kill ? Math.ceil(records! * PART_PER_BATCH) : undefined,
    },
    [tally, view, killer],
  );
  killer.kill = async () => {
    view.status("Killing the driver, as a machine dies ...");
    await driver.killAndStartAgain();
    tally.driverWasKilled();
    view.status("It runs again, from its checkpoint");
  };

  const end = () => {
    view.status("Ending: counting what is left ...");
    feeder.stop();
  };
  if (ctrlC.signal.aborted) end();
  else ctrlC.signal.addEventListener("abort", end);
  const fed = await unlessFailed(feeder.fed, driver.failed);
  await unlessFailed(everythingCounted(home.database, topic.before + fed.produced, tally, killer), driver.failed);
  await driver.stop();
  const counted = readCounts(home.database);
  return resultOf({ asked: records, fed, before: topic.before, kills: killer.kills, counted, tally, executors });
}

/** What is waited for; rejects when the stream fails meanwhile. */
function unlessFailed<T>(wanted: Promise<T>, failure: Promise<never>): Promise<T> {
  return Promise.race([wanted, failure]);
}

/** Waits until the job has counted everything that was written, or can be seen never to: nothing is left to read. */
async function everythingCounted(database: string, written: number, tally: Tally, killer: Killer): Promise<void> {
  const counted = () => [...readCounts(database).values()].reduce((sum, views) => sum + views, 0);
  for (let idle = 0; idle < IDLE_BATCHES && !(counted() >= written && killer.isDone); ) {
    const info = await tally.nextBatch();
    const { records, lag } = sums(info);
    idle = records + lag === 0 ? idle + 1 : 0;
  }
}

function inWords(result: DemoResult): string {
  const { produced, processed, batches, executors, seconds, recordsPerSecond, perCountry, kills, problems } = result;
  const total = result.sumInDatabase;
  const countries = Object.entries(perCountry)
    .slice(0, COUNTRIES_TOLD)
    .map(([country, views]) => `${countryName(country)} ${share(views, total)}`);
  const verdict = problems.length === 0 ? "none is missing, none is doubled" : "they do not agree";
  return [
    "",
    `  ${whole(produced)} page views written, ${whole(processed)} counted: ${verdict}.`,
    `  ${whole(batches)} ${batches === 1 ? "batch" : "batches"} in ${seconds.toFixed(1)} s on ${executors} executors, ${whole(recordsPerSecond)} records/s.`,
    ...(kills > 0 ? [`  The driver was killed ${kills === 1 ? "once" : `${kills} times`}, half way.`] : []),
    `  ${countries.join(", ")}`,
    ...problems.map((problem) => `  ${problem}.`),
  ].join("\n");
}

function inOneSentence(error: unknown): string {
  if (error instanceof UsageError) return `${error.message}\n\n${usage}`;
  if (MillraceError.is(error)) return `${error.message}\n${error.hint}`;
  return error instanceof Error ? error.message : String(error);
}
