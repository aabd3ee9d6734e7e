import { parseArgs } from "node:util";
import { runJob } from "millrace";
import { useKafka } from "../../dev/kafka/index.ts";
import { bytes } from "../../src/decoders/index.ts";
import { resolveDecoder } from "../../src/decoders/resolve.ts";
import { KafkaCluster } from "../../src/kafka/connection/cluster.ts";
import { resolveKafkaParams } from "../../src/kafka/kafka-params.ts";
import { readRange } from "../../src/kafka/reading/range-reader.ts";
import type { Codec } from "../data/record-batch.ts";
import { benchTopic, ensureTopics, PARTITIONS } from "../data/topics.ts";
import { median } from "../statistics.ts";
import { digestOf } from "../workloads.ts";
import job, { type Format, formats, setOnPass } from "./job.ts";

/** `npx node --conditions=millrace-source bench/avro/main.ts`: Avro against JSON, on a broker of its own or on KAFKA_BROKERS. */

const WARM_UP_PASSES = 3;
/** MiB. One batch takes everything. */
const UNBOUNDED = 1 << 20;

const { values } = parseArgs({
  options: {
    records: { type: "string", default: "2000000" },
    passes: { type: "string", default: "7" },
    codecs: { type: "string", default: "none,lz4,zstd" },
    threads: { type: "string", default: "2" },
  },
});
const records = Number(values.records);
const passes = Number(values.passes);

await using kafka = await useKafka({ fast: "run" });
const { bootstrap } = kafka;
for (const codec of values.codecs.split(",") as Codec[]) await compare(codec);

async function compare(codec: Codec): Promise<void> {
  const topics = { json: benchTopic("json", codec, records), avro: benchTopic("avro", codec, records) };
  await ensureTopics(bootstrap, Object.values(topics), (line) => void process.stderr.write(`${line}\n`));
  const measured = Map.groupBy(await measure(topics.json.topic, topics.avro.topic), ({ format }) => format);
  const perRecord = {
    json: (await wireBytes(topics.json.topic)) / records,
    avro: (await wireBytes(topics.avro.topic)) / records,
  };
  console.log(`\n${codec}\n| format | bytes a record on the wire | M records/s | CPU s per M |\n|---|---|---|---|`);
  for (const [format, { kind }] of Object.entries(formats)) {
    const samples = measured.get(format as Format)!;
    const rate = records / median(samples.map(({ seconds }) => seconds)) / 1e6;
    const cpu = median(samples.map(({ cpuSeconds }) => cpuSeconds)) / (records / 1e6);
    console.log(`| ${format} | ${perRecord[kind].toFixed(0)} | ${rate.toFixed(2)} | ${cpu.toFixed(2)} |`);
  }
}

interface Sample {
  readonly format: Format;
  readonly seconds: number;
  readonly cpuSeconds: number;
}

/** All passes in one process, the formats in turn. Fails when their results differ. */
async function measure(json: string, avro: string): Promise<Sample[]> {
  const samples: Sample[] = [];
  const digests = new Set<string>();
  setOnPass(async (format, compute) => {
    const cpu = process.cpuUsage();
    const started = performance.now();
    digests.add(digestOf(await compute()));
    const seconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    samples.push({ format, seconds, cpuSeconds: (user + system) / 1e6 });
  });
  const running = await runJob(job, {
    master: `local[${Number(values.threads)}]`,
    trigger: "availableNow",
    maxBatchSize: UNBOUNDED,
    params: { brokers: bootstrap, json, avro, passes: WARM_UP_PASSES + passes },
  });
  await running.awaitTermination();
  if (digests.size !== 1) throw new Error("the formats gave different results");
  return samples.slice(WARM_UP_PASSES * Object.keys(formats).length);
}

async function wireBytes(topic: string): Promise<number> {
  await using cluster = new KafkaCluster(resolveKafkaParams({ "bootstrap.servers": bootstrap }));
  const decoders = { key: resolveDecoder(bytes), value: resolveDecoder(bytes) };
  const places = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition }));
  const ends = await cluster.latestOffsets(places);
  let total = 0;
  const onBytes = (count: number) => {
    total += count;
  };
  for (const place of places) {
    const range = { ...place, fromOffset: 0, untilOffset: ends.get(place)! };
    for await (const _ of readRange(cluster, range, { decoders, onBytes }));
  }
  return total;
}
