import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareClassArchive } from "./class-archive.ts";
import { KafkaCluster } from "./cluster.ts";
import { installKafka } from "./install.ts";
import { freePorts, refuseTaken } from "./ports.ts";
import type { Tuning } from "./server.ts";
import type { Node, Settings } from "./settings.ts";

export interface KafkaOptions {
  /** Default 1. Three brokers have a controller apart, so that any of them can go away. */
  readonly brokers?: 1 | 3;
  /** Where each broker listens, in order; default: free ports. */
  readonly ports?: readonly number[];
  /** Keeps the data here; default: a temporary folder that is removed at the end. */
  readonly dataDirectory?: string;
  /** Told what takes long, which is only the first start on a machine. Default: a line on stderr. */
  readonly onProgress?: (line: string) => void;
  /** Further settings of every broker, as in server.properties. */
  readonly settings?: Settings;
  /** "start" (default) is up soon, for tests and the demo; "run" has the JVM of a server, for benchmarks. */
  readonly fast?: Tuning;
}

/** A Kafka that can be used, whoever started it. */
export interface UsableKafka extends AsyncDisposable {
  /** `127.0.0.1:port,...` */
  readonly bootstrap: string;
  stop(): Promise<void>;
}

/** A Kafka of our own. Brokers are named by their node id: 1, or 1, 2 and 3. */
export interface LocalKafka extends UsableKafka {
  readonly brokers: readonly { readonly id: number; readonly port: number }[];
  /** An orderly shutdown: its leaders move first. */
  stopBroker(id: number): Promise<void>;
  /** A crash: the others notice after the broker session timeout (3 s). */
  killBroker(id: number): Promise<void>;
  /** Starts a stopped or killed broker again, on its port and its data. */
  startBroker(id: number): Promise<void>;
}

const toStderr = (line: string) => void process.stderr.write(`${line}\n`);

/** Starts Apache Kafka on this machine. It ends with `stop()`, or with this process, however that ends. */
export async function startKafka(options: KafkaOptions = {}): Promise<LocalKafka> {
  const { brokers = 1, onProgress = toStderr, settings = {}, fast = "start", dataDirectory } = options;
  await refuseTaken(options.ports ?? []);
  const kafka = await installKafka(onProgress);
  await prepareClassArchive(kafka, onProgress);

  const [controllerPort, ...free] = (await freePorts(1 + brokers)) as [number, ...number[]];
  const cluster = new KafkaCluster({
    kafka,
    nodes: layout(options.ports ?? free),
    controllerPort,
    folder: dataDirectory ?? (await mkdtemp(join(tmpdir(), "millrace-kafka-"))),
    temporary: dataDirectory === undefined,
    tuning: fast,
    settings,
  });
  await cluster.start();

  return {
    bootstrap: cluster.brokers.map(({ port }) => `127.0.0.1:${port}`).join(","),
    brokers: cluster.brokers,
    stopBroker: (id) => cluster.stopBroker(id),
    killBroker: (id) => cluster.killBroker(id),
    startBroker: (id) => cluster.startBroker(id),
    stop: () => cluster.stop(),
    [Symbol.asyncDispose]: () => cluster.stop(),
  };
}

/** The Kafka named by KAFKA_BROKERS, or one started for the occasion. */
export async function useKafka(options: KafkaOptions = {}): Promise<UsableKafka> {
  const bootstrap = process.env.KAFKA_BROKERS;
  if (!bootstrap) return startKafka(options);
  const nothing = async () => {};
  return { bootstrap, stop: nothing, [Symbol.asyncDispose]: nothing };
}

function layout(ports: readonly number[]): Node[] {
  if (ports.length === 1) return [{ id: 1, roles: "broker,controller", port: ports[0]! }];
  return [
    { id: 100, roles: "controller" },
    ...ports.map((port, index): Node => ({ id: index + 1, roles: "broker", port })),
  ];
}
