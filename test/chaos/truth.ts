import { existsSync, readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { publishedBatches } from "millrace/sinks";
import pg from "pg";
import { runKafkaTool } from "../../dev/kafka/index.ts";
import { leaders } from "../helpers/kafka.ts";
import { produce } from "../helpers/produce.ts";
import type { Effect, Target } from "./driver/sinks.ts";

/** A record that a reader of committed records sees. */
export interface InputRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: string;
}

/** So long nothing must come before a consumer ends; longer when it has not seen the end: on a busy machine its group takes a while to form. */
const SILENCES_MS = [6_000, 30_000, 90_000];
const END = "the end of the partition";

/** Kafka's own consumer says what is in a topic: it has no line in common with what is tested. Each partition is read to a mark at its end. */
async function consume(brokers: string, topic: string): Promise<InputRecord[]> {
  const partitions = (await leaders(topic, brokers)).map((_, partition) => partition);
  await produce(
    topic,
    partitions.map((partition) => ({ partition, key: END, value: END })),
    { bootstrap: brokers },
  );
  for (const silenceMs of SILENCES_MS) {
    const records = await consumeUntilSilent(brokers, topic, silenceMs);
    const ended = new Set(records.filter(({ key }) => key === END).map(({ partition }) => partition));
    if (ended.size === partitions.length) return records.filter(({ key }) => key !== END);
  }
  throw new Error(`Kafka's consumer did not come to the end of ${topic}`);
}

async function consumeUntilSilent(brokers: string, topic: string, silenceMs: number): Promise<InputRecord[]> {
  const shown = ["partition", "offset", "key"].flatMap((what) => ["--formatter-property", `print.${what}=true`]);
  const { stdout } = await runKafkaTool("org.apache.kafka.tools.consumer.ConsoleConsumer", [
    ...["--bootstrap-server", brokers, "--topic", topic, "--from-beginning"],
    ...["--isolation-level", "read_committed", "--timeout-ms", String(silenceMs), ...shown],
  ]);
  const lines = stdout.split("\n").filter((line) => line.startsWith("Partition:"));
  return lines.map((line) => {
    const [partition, offset, key, value] = line.split("\t");
    return { partition: Number(partition!.slice(10)), offset: Number(offset!.slice(7)), key: key!, value: value! };
  });
}

/** What was produced and committed, in the order of each partition. */
export async function committedRecords(brokers: string, topic: string): Promise<InputRecord[]> {
  const records = await consume(brokers, topic);
  return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
}

/** All that a reader sees in a sink. */
export async function storedEffects(target: Target): Promise<Effect[]> {
  switch (target.sink) {
    case "sqlite": {
      // Of a job that no strike fell on: it had nothing to read.
      if (!existsSync(target.path)) return [];
      const database = new DatabaseSync(target.path, { readOnly: true });
      try {
        return database.prepare("select output, key, value from effects").all() as unknown as Effect[];
      } finally {
        database.close();
      }
    }
    case "postgres": {
      const client = new pg.Client(target.connection);
      await client.connect();
      try {
        return (await client.query("select output, key, value from effects")).rows;
      } finally {
        await client.end();
      }
    }
    case "files": {
      const effects: Effect[] = [];
      if (!existsSync(target.directory)) return effects;
      for await (const { files } of publishedBatches(target.directory)) {
        for (const { path } of files) {
          const lines = readFileSync(path, "utf8").trimEnd().split("\n");
          effects.push(...lines.map((line) => JSON.parse(line) as Effect));
        }
      }
      return effects;
    }
    case "kafka":
      return (await consume(target.brokers, target.topic)).map(({ value }) => JSON.parse(value) as Effect);
  }
}
