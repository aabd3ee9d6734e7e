import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Installation } from "./install.ts";
import { javaExecutable } from "./java.ts";
import { liveBrokers } from "./live-brokers.ts";
import { javaArguments, KafkaServer, type Tuning } from "./server.ts";
import { type Node, type Quorum, type Settings, serverProperties } from "./settings.ts";

export interface ClusterOptions {
  readonly kafka: Installation;
  readonly nodes: readonly Node[];
  readonly controllerPort: number;
  readonly folder: string;
  /** The folder goes away with the cluster. */
  readonly temporary: boolean;
  readonly tuning: Tuning;
  readonly settings: Settings;
  readonly jvm?: readonly string[];
}

/** The Kafka processes of one local cluster. */
export class KafkaCluster {
  readonly #options: ClusterOptions;
  readonly #quorum: Quorum;
  readonly #clusterId = randomBytes(16).toString("base64url");
  readonly #servers = new Map<number, KafkaServer>();

  constructor(options: ClusterOptions) {
    this.#options = options;
    const controller = options.nodes.find((node) => node.roles !== "broker")!;
    this.#quorum = {
      controller: { id: controller.id, port: options.controllerPort },
      brokers: options.nodes.filter((node) => node.port !== undefined).length,
    };
  }

  get brokers(): readonly { readonly id: number; readonly port: number }[] {
    return this.#options.nodes.flatMap(({ id, port }) => (port === undefined ? [] : [{ id, port }]));
  }

  /** Formats what is not formatted yet, starts every node, and returns when each broker sees them all. */
  async start(): Promise<void> {
    try {
      await Promise.all(this.#options.nodes.map((node) => this.#format(node)));
      for (const node of this.#options.nodes) this.#launch(node);
      await Promise.all(this.brokers.map(({ id }) => this.#ready(id, this.#quorum.brokers)));
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async startBroker(id: number): Promise<void> {
    this.#launch(this.#options.nodes.find((node) => node.id === id)!);
    await this.#ready(id, 1);
  }

  stopBroker(id: number): Promise<void> {
    return this.#server(id).stop();
  }

  killBroker(id: number): Promise<void> {
    return this.#server(id).kill();
  }

  /** A temporary cluster is killed, since nobody will read its logs; others are shut down in order, controllers last. */
  async stop(): Promise<void> {
    if (this.#options.temporary) {
      await Promise.all([...this.#servers.values()].map((server) => server.kill()));
      await rm(this.#options.folder, { recursive: true, force: true, maxRetries: 3 });
    } else {
      await Promise.all(this.brokers.map(({ id }) => this.#servers.get(id)?.stop()));
      await Promise.all([...this.#servers.values()].map((server) => server.stop()));
    }
  }

  #server(id: number): KafkaServer {
    const server = this.#servers.get(id);
    if (server === undefined) throw new Error(`there is no broker ${id}`);
    return server;
  }

  #place(node: Node) {
    const folder = join(this.#options.folder, `node-${node.id}`);
    return {
      folder,
      properties: join(folder, "server.properties"),
      log: join(folder, "log"),
      data: join(folder, "data"),
    };
  }

  async #format(node: Node): Promise<void> {
    const { kafka, settings } = this.#options;
    const { folder, properties, data } = this.#place(node);
    await mkdir(folder, { recursive: true });
    await writeFile(properties, serverProperties(node, this.#quorum, data, settings));
    if (existsSync(join(data, "meta.properties"))) return; // of an earlier start, with the cluster id it got then
    const storage = ["format", `--cluster-id=${this.#clusterId}`, "-c", properties];
    const args = javaArguments(kafka, "start", "kafka.tools.StorageTool", storage);
    await new Promise<void>((done, fail) =>
      execFile(javaExecutable(), args, (error, stdout, stderr) =>
        error === null ? done() : fail(new Error(`Kafka's storage could not be formatted:\n${stdout}${stderr}`)),
      ),
    );
  }

  #launch(node: Node): void {
    const { kafka, tuning, jvm = [], temporary } = this.#options;
    const { folder, properties, log } = this.#place(node);
    const args = [...jvm, ...javaArguments(kafka, tuning, "kafka.Kafka", [properties])];
    this.#servers.set(node.id, new KafkaServer(args, log, temporary ? folder : undefined));
  }

  #ready(id: number, brokers: number): Promise<void> {
    const { port } = this.brokers.find((broker) => broker.id === id)!;
    return this.#server(id).ready(async () => {
      const live = await liveBrokers(port);
      return live.includes(id) && live.length >= brokers;
    });
  }
}
