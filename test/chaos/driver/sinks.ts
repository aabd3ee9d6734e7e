import { files, kafka, postgres, type Sink, sqlite } from "millrace/sinks";

/** What the job writes, wherever it goes. */
export interface Effect {
  readonly output: string;
  readonly key: string;
  readonly value: string;
}

/** Where one job writes. Plain data: it crosses to the driver's process, and to its threads. */
export type Target =
  | { readonly sink: "sqlite"; readonly path: string }
  | { readonly sink: "postgres"; readonly connection: string }
  | { readonly sink: "files"; readonly directory: string }
  | { readonly sink: "kafka"; readonly brokers: string; readonly topic: string; readonly progressTopic: string };

export type SinkName = Target["sink"];

const SETUP = "create table if not exists effects (output text, key text, value text)";

export function openSink(target: Target): Sink<Effect> {
  const table = { table: "effects", row: (effect: Effect) => ({ ...effect }), setup: SETUP };
  switch (target.sink) {
    case "sqlite":
      return sqlite({ path: target.path, ...table });
    case "postgres":
      return postgres({ connection: target.connection, ...table });
    case "files":
      return files({ directory: target.directory });
    case "kafka":
      return kafka({
        kafkaParams: { "bootstrap.servers": target.brokers },
        topic: target.topic,
        progressTopic: target.progressTopic,
        key: ({ key }) => key,
        value: (effect) => JSON.stringify(effect),
      });
  }
}
