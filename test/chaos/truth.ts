import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { publishedBatches } from "millrace/sinks";
import pg from "pg";
import { runKafkaTool } from "../../dev/kafka/index.ts";
import type { Effect, Target } from "./driver/sinks.ts";

/** A record that a reader of committed records sees. */
export interface InputRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: string;
}

/** So long nothing must come before a topic counts as read. */
const SILENCE_MS = 6_000;

/** Kafka's own consumer says what is in a topic: it has no line in common with what is tested. */
async function consume(brokers: string, topic: string): Promise<InputRecord[]> {
  const shown = ["partition", "offset", "key"].flatMap((what) => ["--formatter-property", `print.${what}=true`]);
  const { stdout } = await runKafkaTool("org.apache.kafka.tools.consumer.ConsoleConsumer", [
    ...["--bootstrap-server", brokers, "--topic", topic, "--from-beginning"],
    ...["--isolation-level", "read_committed", "--timeout-ms", String(SILENCE_MS), ...shown],
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
