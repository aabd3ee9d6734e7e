import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Random } from "../../bench/data/random.ts";
import { createTopic } from "../helpers/kafka.ts";
import { openTransactionalProducer, produce, type RecordToWrite } from "../helpers/produce.ts";
import type { SinkName, Target } from "./driver/sinks.ts";
import type { Strike } from "./driver/striker.ts";
import { DriverProcess } from "./driver-process.ts";
import type { World } from "./world.ts";

export const PARTITIONS = 4;
const KEYS_PER_PARTITION = 5;
const OUTPUT_PARTITIONS = 3;

/** One job with one sink: its own topic, checkpoint and place to write. */
export class Lane {
  readonly sink: SinkName;
  readonly topic: string;
  /** As the harness reaches it. */
  readonly target: Target;
  readonly checkpointDirectory: string;
  readonly #world: World;
  readonly #targetForDrivers: Target;
  #written = 0;

  private constructor(world: World, topic: string, target: Target, targetForDrivers: Target, folder: string) {
    this.#world = world;
    this.sink = target.sink;
    this.topic = topic;
    this.target = target;
    this.#targetForDrivers = targetForDrivers;
    this.checkpointDirectory = join(folder, "checkpoint");
  }

  static async open(world: World, sink: SinkName): Promise<Lane> {
    const { brokers: bootstrap } = world;
    const replicas = world.kafka === undefined ? 1 : 3;
    const make = (name: string, partitions: number, configs = {}) =>
      createTopic({ name: `chaos ${sink} ${name}` }, { bootstrap, partitions, replicas, configs });
    const topic = await make("in", PARTITIONS);
    const folder = join(world.folder, `${sink}-${randomBytes(3).toString("hex")}`);
    switch (sink) {
      case "sqlite": {
        const target: Target = { sink, path: `${folder}.db` };
        return new Lane(world, topic, target, target, folder);
      }
      case "files": {
        const target: Target = { sink, directory: `${folder}-files` };
        return new Lane(world, topic, target, target, folder);
      }
      case "postgres": {
        const { direct, forDrivers } = await world.postgres!.createDatabase();
        return new Lane(world, topic, { sink, connection: direct }, { sink, connection: forDrivers }, folder);
      }
      case "kafka": {
        const topics = {
          topic: await make("out", OUTPUT_PARTITIONS),
          progressTopic: await make("progress", 4, { "cleanup.policy": "compact" }),
        };
        const target: Target = { sink, brokers: bootstrap, ...topics };
        return new Lane(world, topic, target, { ...target, brokers: world.brokersForDrivers }, folder);
      }
    }
  }

  /** New records: some by themselves, some in a transaction, some in one that is aborted. Those of a key are all in one partition. */
  async feed(count: number, random: Random): Promise<void> {
    const { brokers: bootstrap } = this.#world;
    const share = Math.floor(count / 3);
    await produce(this.topic, this.#records(count - 2 * share, "plain", random), { bootstrap });
    await using transactions = openTransactionalProducer(this.topic, { bootstrap });
    for (const outcome of random.below(2) === 0 ? (["abort", "commit"] as const) : (["commit", "abort"] as const)) {
      const transaction = await transactions.begin();
      await transaction.write(this.#records(share, outcome, random));
      await transaction[outcome]();
    }
    await produce(this.topic, this.#records(1, "plain", random), { bootstrap });
  }

  start(strike?: Strike, { toTheEnd = false } = {}): DriverProcess {
    return new DriverProcess({
      params: {
        brokers: this.#world.brokersForDrivers,
        topic: this.topic,
        target: JSON.stringify(this.#targetForDrivers),
        strike: JSON.stringify(strike ?? null),
      },
      checkpointDirectory: this.checkpointDirectory,
      toTheEnd,
    });
  }

  #records(count: number, what: string, random: Random): RecordToWrite[] {
    return Array.from({ length: count }, () => {
      const partition = random.below(PARTITIONS);
      const key = `key-${partition}-${random.below(KEYS_PER_PARTITION)}`;
      return { partition, key, value: `${what} ${this.#written++}` };
    });
  }
}
