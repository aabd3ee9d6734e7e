import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LocalKafka, startKafka } from "../../dev/kafka/index.ts";
import { freePorts } from "../../dev/kafka/ports.ts";
import { startPostgres } from "../helpers/postgres.ts";
import { kafkaConversation, postgresConversation } from "./conversations.ts";
import type { SinkName } from "./driver/sinks.ts";
import { type ReplyCutter, startReplyCutter } from "./reply-cutter.ts";

/** Everything around the drivers: brokers, a database, the proxies between, a folder for what is on disks. */
export interface World extends AsyncDisposable {
  /** For whoever must not be hurt: the harness. */
  readonly brokers: string;
  /** For drivers; through the proxies where there are some. */
  readonly brokersForDrivers: string;
  /** Undefined when the brokers are not ours. */
  readonly kafka: LocalKafka | undefined;
  readonly kafkaProxies: readonly ReplyCutter[];
  readonly postgres: PostgresForAll | undefined;
  readonly folder: string;
}

export interface PostgresForAll {
  createDatabase(): Promise<{ readonly direct: string; readonly forDrivers: string }>;
  readonly proxy: ReplyCutter;
}

/** @param brokers Of somebody else, to be used and left as they are; default: three of our own behind proxies. */
export async function startWorld(sinks: readonly SinkName[], brokers: string | undefined): Promise<World> {
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "millrace-chaos-"));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const postgres = sinks.includes("postgres") ? await usePostgres(started) : undefined;
  const own = brokers === undefined ? await startBrokers(started) : undefined;
  const all = started.move();
  return {
    folder,
    postgres,
    kafka: own?.kafka,
    kafkaProxies: own?.proxies ?? [],
    brokers: own?.kafka.bootstrap ?? brokers!,
    brokersForDrivers: own?.forDrivers ?? brokers!,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function usePostgres(started: AsyncDisposableStack): Promise<PostgresForAll> {
  const server = await startPostgres();
  started.defer(() => server.stop());
  const proxy = started.use(await startReplyCutter(server.port, postgresConversation));
  return {
    proxy,
    async createDatabase() {
      const direct = await server.createDatabase();
      return { direct, forDrivers: direct.replace(`:${server.port}/`, `:${proxy.port}/`) };
    },
  };
}

const BROKERS = 3;

/** Each broker has one listener for the others and for the harness, and another one that tells clients to come through a proxy. */
async function startBrokers(started: AsyncDisposableStack) {
  const behindProxy = await freePorts(BROKERS);
  const proxies: ReplyCutter[] = [];
  for (const port of behindProxy) proxies.push(started.use(await startReplyCutter(port, kafkaConversation)));
  const kafka = await startKafka({
    brokers: BROKERS,
    settings: ({ id, port }) => ({
      "default.replication.factor": String(BROKERS),
      "min.insync.replicas": "2",
      ...(port !== undefined && {
        listeners: `PLAINTEXT://127.0.0.1:${port},PROXIED://127.0.0.1:${behindProxy[id - 1]}`,
        "advertised.listeners": `PLAINTEXT://127.0.0.1:${port},PROXIED://127.0.0.1:${proxies[id - 1]!.port}`,
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
      }),
    }),
  });
  started.use(kafka);
  return { kafka, proxies, forDrivers: proxies.map(({ port }) => `127.0.0.1:${port}`).join(",") };
}
