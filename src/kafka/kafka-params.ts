import type { ConnectionOptions } from "node:tls";
import { MillraceError } from "../model/errors.ts";
import { type Check, checkOptions, isInteger, isOneOf, isText } from "../model/options.ts";
import { resolveTls, type TlsOptions } from "../model/tls-options.ts";
import { type BrokerAddress, parseBrokerList } from "./connection/broker-address.ts";
import { refuseKeysOfOtherClients } from "./keys-of-other-clients.ts";

/** Kafka's own dotted names, so that they can be looked up and pasted; unknown keys are errors. */
export interface KafkaParams {
  /** `host:port,host:port`: some of the brokers; they name the others. Needed. */
  "bootstrap.servers"?: string | undefined;
  /** Spark 1.6's name for bootstrap.servers. */
  "metadata.broker.list"?: string | undefined;
  /**
   * Where a partition begins that nothing else says where to begin: at its first record, at its end, or nowhere, which is an error.
   * smallest and largest are Kafka 0.8's names of earliest and latest. @default "latest"
   */
  "auto.offset.reset"?: "earliest" | "latest" | "none" | "smallest" | "largest" | undefined;
  /** The group of `startFromGroup` and `commitToGroup`. It is never joined. */
  "group.id"?: string | undefined;
  /** What the brokers call this client in their logs and quotas. @default "millrace" */
  "client.id"?: string | undefined;
  /** "read_committed" leaves out records of aborted transactions, and waits for open ones. @default "read_uncommitted" */
  "isolation.level"?: "read_uncommitted" | "read_committed" | undefined;
  /** Bytes of one answer of a broker. @default 57671680, 55 MiB */
  "fetch.max.bytes"?: number | undefined;
  /** Bytes of one partition in one answer; a larger record still comes whole. @default 1048576, 1 MiB */
  "max.partition.fetch.bytes"?: number | undefined;
  /** How long a broker may wait for records before it answers. @default 500 */
  "fetch.max.wait.ms"?: number | undefined;
  /** How often the stream looks for new topics and partitions, at a batch. 0: at every batch. @default 30000; Kafka's own is 5 minutes */
  "metadata.max.age.ms"?: number | undefined;
  /** `true`, or Node's TLS options (`ca`, `cert`, `key`, `servername` ...). */
  ssl?: boolean | TlsOptions | undefined;
  /** The login: PLAIN, SCRAM or OAUTHBEARER. */
  sasl?: SaslOptions | undefined;
}

export type SaslOptions =
  | {
      readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";
      readonly username: string;
      readonly password: string;
    }
  | { readonly mechanism: "OAUTHBEARER"; readonly token: string | (() => string | Promise<string>) };

/** {@link KafkaParams}, checked, with its defaults and under one name each. */
export interface ResolvedKafkaParams {
  readonly bootstrap: readonly BrokerAddress[];
  readonly autoOffsetReset: "earliest" | "latest" | "none";
  readonly groupId: string | undefined;
  readonly clientId: string;
  readonly isolationLevel: "read_uncommitted" | "read_committed";
  readonly fetchMaxBytes: number;
  readonly maxPartitionFetchBytes: number;
  readonly fetchMaxWaitMs: number;
  readonly metadataMaxAgeMs: number;
  readonly tls: ConnectionOptions | undefined;
  readonly sasl: SaslOptions | undefined;
}

const RESETS = {
  earliest: "earliest",
  smallest: "earliest",
  latest: "latest",
  largest: "latest",
  none: "none",
} as const;

const isSsl: Check = (value) =>
  typeof value === "boolean" || (typeof value === "object" && value !== null)
    ? undefined
    : "must be true, false or an object of Node's TLS options";

const isObject: Check = (value) =>
  typeof value === "object" && value !== null ? undefined : 'must be an object like { mechanism: "PLAIN", ... }';

const isToken: Check = (value) =>
  typeof value === "function" ? undefined : isText(value) && "must be a text or a function that gives one";

const CHECKS: { readonly [K in keyof Required<KafkaParams>]: Check } = {
  "bootstrap.servers": isText,
  "metadata.broker.list": isText,
  "auto.offset.reset": isOneOf(...Object.keys(RESETS)),
  "group.id": isText,
  "client.id": isText,
  "isolation.level": isOneOf("read_uncommitted", "read_committed"),
  "fetch.max.bytes": isInteger(1, 2 ** 31 - 1),
  "max.partition.fetch.bytes": isInteger(1, 2 ** 31 - 1),
  "fetch.max.wait.ms": isInteger(0, 30_000),
  "metadata.max.age.ms": isInteger(0, 24 * 60 * 60 * 1_000),
  ssl: isSsl,
  sasl: isObject,
};

/** `brokers` take the place of those that are given, in plain text. @throws BAD_OPTION */
export function resolveKafkaParams(given: KafkaParams, brokers?: string): ResolvedKafkaParams {
  if (typeof given === "object" && given !== null) refuseKeysOfOtherClients(given);
  checkOptions("kafkaParams", given, CHECKS);
  if (given.sasl !== undefined) checkSasl(given.sasl);
  const params = brokers === undefined ? given : atBrokers(given, brokers);
  return Object.freeze({
    bootstrap: bootstrapOf(params),
    autoOffsetReset: RESETS[params["auto.offset.reset"] ?? "latest"],
    groupId: params["group.id"],
    clientId: params["client.id"] ?? "millrace",
    isolationLevel: params["isolation.level"] ?? "read_uncommitted",
    fetchMaxBytes: params["fetch.max.bytes"] ?? 55 * 1024 * 1024,
    maxPartitionFetchBytes: params["max.partition.fetch.bytes"] ?? 1024 * 1024,
    fetchMaxWaitMs: params["fetch.max.wait.ms"] ?? 500,
    metadataMaxAgeMs: params["metadata.max.age.ms"] ?? 30_000,
    tls: resolveTls("kafkaParams.ssl", params.ssl),
    sasl: params.sasl,
  });
}

function atBrokers(given: KafkaParams, brokers: string): KafkaParams {
  const { ssl: _, sasl: __, "metadata.broker.list": ___, ...params } = given;
  return { ...params, "bootstrap.servers": brokers };
}

function bootstrapOf(params: KafkaParams): readonly BrokerAddress[] {
  const modern = params["bootstrap.servers"];
  const old = params["metadata.broker.list"];
  if (modern !== undefined && old !== undefined) {
    throw new MillraceError("BAD_OPTION", 'kafkaParams has both "bootstrap.servers" and "metadata.broker.list".', {
      hint: "They mean the same: keep one of them.",
    });
  }
  if (modern !== undefined) return parseBrokerList(modern, "bootstrap.servers");
  if (old !== undefined) return parseBrokerList(old, "metadata.broker.list");
  throw new MillraceError(
    "BAD_OPTION",
    'kafkaParams does not say where the brokers are: "bootstrap.servers" is missing.',
    {
      hint: 'Write { "bootstrap.servers": "host1:9092,host2:9092" }.',
    },
  );
}

function checkSasl(sasl: SaslOptions): void {
  const mechanism = isOneOf("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER");
  const checks: { readonly [option: string]: Check } =
    sasl.mechanism === "OAUTHBEARER"
      ? { mechanism, token: isToken }
      : { mechanism, username: isText, password: isText };
  checkOptions("kafkaParams.sasl", sasl, checks);
  const missing = Object.keys(checks).find((name) => sasl[name as keyof SaslOptions] === undefined);
  if (missing !== undefined) {
    throw new MillraceError("BAD_OPTION", `kafkaParams.sasl has no "${missing}".`, {
      hint: `${sasl.mechanism ?? "SASL"} needs ${Object.keys(checks).join(", ")}.`,
    });
  }
}
