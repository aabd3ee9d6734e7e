import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { type Codec, codecNames } from "../data/record-batch.ts";
import { countOf, listOf } from "../options.ts";
import { type PeerWorkload, peerWorkloadNames } from "./peer.ts";
import { peers } from "./peers.ts";

const peerNames = peers.map(({ name }) => name);

export const usage = `npm run bench:peers -- [options]

Measures millrace against the systems one would otherwise pick. Each is fetched once into a folder of its own in the user's cache, and left
out with a line about it when the machine lacks what it needs (python3 with pip, Maven, a JDK). All results must equal those of millrace.

  --peers a,b         of ${peerNames.join(", ")} (all)
  --workloads a,b     of ${peerWorkloadNames.join(", ")} (all)
  --codecs a,b        of ${codecNames.join(", ")} (none); others than none: millrace and spark-java only
  --records N         records of each topic (2000000)
  --repetitions N     fresh processes of each system (3)
  --warm-passes N     passes of each process after the cold one (3)
  --threads N         executors of millrace, local[N] of Spark, threads of Kafka Streams (one per core)
  --json              one JSON line for each result on stdout; the table goes to stderr
`;

export interface PeersOptions {
  readonly peers: readonly string[];
  readonly workloads: readonly PeerWorkload[];
  readonly codecs: readonly Codec[];
  readonly records: number;
  readonly repetitions: number;
  readonly warmPasses: number;
  readonly threads: number;
  readonly json: boolean;
}

/** @returns undefined when only help is wanted. */
export function parseOptions(args: readonly string[]): PeersOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      peers: { type: "string", default: peerNames.join() },
      workloads: { type: "string", default: peerWorkloadNames.join() },
      codecs: { type: "string", default: "none" },
      records: { type: "string", default: "2000000" },
      repetitions: { type: "string", default: "3" },
      "warm-passes": { type: "string", default: "3" },
      threads: { type: "string", default: String(availableParallelism()) },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  return {
    peers: listOf("peers", values.peers, peerNames),
    workloads: listOf("workloads", values.workloads, peerWorkloadNames),
    codecs: listOf("codecs", values.codecs, codecNames),
    records: countOf("records", values.records),
    repetitions: countOf("repetitions", values.repetitions),
    warmPasses: countOf("warm-passes", values["warm-passes"]),
    threads: countOf("threads", values.threads),
    json: values.json,
  };
}
