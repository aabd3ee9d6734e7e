import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { useKafka } from "../../dev/kafka/index.ts";
import type { Codec } from "../data/record-batch.ts";
import { benchTopic, createTopic, ensureTopics, offsetsOf } from "../data/topics.ts";
import { machineAndVersions } from "../machine.ts";
import { digestOfTopic } from "./copied-topic.ts";
import { millrace } from "./millrace.ts";
import { type PeersOptions, parseOptions, usage } from "./options.ts";
import { LeftOut, type Peer, type PeerHeat, type PeerWorkload, type PreparedPeer, peerWorkloads } from "./peer.ts";
import { peers } from "./peers.ts";
import { type PeerSummary, summarize, table } from "./summary.ts";
import { type Contestant, tournament } from "./tournament.ts";

/** `npm run bench:peers -- --help` */

const progress = (line: string) => void process.stderr.write(`${line}\n`);
const options = readOptions();
if (options === undefined) process.stdout.write(usage);
else await bench(options);

function readOptions(): PeersOptions | undefined {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    progress(`${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
}

async function bench(options: PeersOptions): Promise<void> {
  progress("building the package ...");
  execFileSync(process.execPath, [join(import.meta.dirname, "../../dev/build.ts")], { stdio: "inherit" });
  const prepared = await prepare([millrace, ...peers.filter(({ name }) => options.peers.includes(name))]);
  await using kafka = await useKafka({ fast: "run" });
  const about = await machineAndVersions();
  const summaries: PeerSummary[] = [];
  for (const workload of options.workloads) {
    for (const codec of options.codecs) {
      const heat = await heatOf(kafka.bootstrap, workload, codec, options);
      const contestants = [...prepared]
        .filter(([{ workloads, codecs }]) => workloads.includes(workload) && codecs.includes(codec))
        .map(([{ name }, peer]): Contestant => [name, peer]);
      if (contestants[0]?.[0] !== millrace.name || contestants.length === 1) continue;
      progress(`${workload}, ${codec} ...`);
      const { samples, failures } = await tournament(heat, contestants, {
        ...options,
        createOutputTopic: () => createTopic(kafka.bootstrap, `bench-copy-${Date.now()}`),
        digestOfTopic: (topic) => digestOfTopic(kafka.bootstrap, topic),
        onProgress: progress,
      });
      if (failures.size > 0) process.exitCode = 1;
      const results = summarize(heat, contestants, samples);
      summaries.push(...results);
      if (options.json) for (const line of results) process.stdout.write(`${JSON.stringify({ ...line, ...about })}\n`);
    }
  }
  (options.json ? process.stderr : process.stdout).write(`${table(summaries)}\n`);
}

async function prepare(chosen: readonly Peer[]): Promise<Map<Peer, PreparedPeer>> {
  const prepared = new Map<Peer, PreparedPeer>();
  for (const peer of chosen) {
    try {
      prepared.set(peer, await peer.prepare(progress));
    } catch (error) {
      if (!(error instanceof LeftOut)) throw error;
      progress(`left out: ${peer.name}, because ${error.message}`);
    }
  }
  return prepared;
}

async function heatOf(
  bootstrap: string,
  workload: PeerWorkload,
  codec: Codec,
  { records, threads }: PeersOptions,
): Promise<PeerHeat> {
  const { kind, batches } = peerWorkloads[workload];
  const topic = benchTopic(kind, codec, records);
  await ensureTopics(bootstrap, [topic], progress);
  const sizes = await offsetsOf(bootstrap, topic.topic);
  return {
    ...{ bootstrap, topic: topic.topic, workload, codec, records, threads, batches },
    partitions: sizes.length,
    perPartition: Math.ceil(Math.max(...sizes) / batches),
  };
}
