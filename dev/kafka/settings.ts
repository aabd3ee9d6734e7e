/** One Kafka process of a local cluster. */
export interface Node {
  readonly id: number;
  readonly roles: "broker,controller" | "broker" | "controller";
  /** Where clients connect; a controller alone has none. */
  readonly port?: number;
}

/** Of server.properties; a function says them for each node apart. */
export type Settings = Readonly<Record<string, string>> | ((node: Node) => Readonly<Record<string, string>>);

export interface Quorum {
  readonly controller: { readonly id: number; readonly port: number };
  readonly brokers: number;
}

/**
 * The server.properties of one node. The controllers are named here (a static quorum) and not in the formatted storage, so
 * that a data folder can be started again on another port.
 */
export function serverProperties(node: Node, quorum: Quorum, folder: string, settings: Settings): string {
  const controller = `127.0.0.1:${quorum.controller.port}`;
  const listeners = [
    ...(node.port === undefined ? [] : [`PLAINTEXT://127.0.0.1:${node.port}`]),
    ...(node.roles === "broker" ? [] : [`CONTROLLER://${controller}`]),
  ];
  const properties: Record<string, string | number> = {
    "node.id": node.id,
    "process.roles": node.roles,
    "log.dirs": folder.replaceAll("\\", "/"),
    listeners: listeners.join(","),
    "controller.listener.names": "CONTROLLER",
    "controller.quorum.voters": `${quorum.controller.id}@${controller}`,
    ...replication(quorum.brokers),
    ...quick,
    ...(typeof settings === "function" ? settings(node) : settings),
  };
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value}\n`)
    .join("");
}

const replication = (brokers: number) => ({
  "offsets.topic.replication.factor": brokers,
  "transaction.state.log.replication.factor": brokers,
  "transaction.state.log.min.isr": Math.min(brokers, 2),
  "share.coordinator.state.topic.replication.factor": brokers,
  "share.coordinator.state.topic.min.isr": Math.min(brokers, 2),
});

/** What production does in minutes, a test waits for: retention, compaction, expired transactions, brokers that died. */
const quick = {
  "auto.create.topics.enable": "false",
  "auto.leader.rebalance.enable": "false",
  "group.initial.rebalance.delay.ms": 0,
  "offsets.topic.num.partitions": 4,
  "transaction.state.log.num.partitions": 4,
  "transaction.abort.timed.out.transaction.cleanup.interval.ms": 500,
  "log.initial.task.delay.ms": 500,
  "log.retention.ms": -1, // records with old timestamps stay; a topic may say otherwise
  "log.retention.check.interval.ms": 500,
  "log.segment.delete.delay.ms": 1_000,
  "log.cleaner.backoff.ms": 200,
  "log.cleaner.dedupe.buffer.size": 16_000_000,
  "broker.heartbeat.interval.ms": 500,
  "broker.session.timeout.ms": 3_000,
};
