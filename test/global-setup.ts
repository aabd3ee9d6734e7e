/** One broker for the whole run: KAFKA_BROKERS if set, else one of our own. Without a broker nothing runs. */

import { type UsableKafka, useKafka } from "../dev/kafka/index.ts";
import { liveBrokers } from "../dev/kafka/live-brokers.ts";

let kafka: UsableKafka;

export async function globalSetup(): Promise<void> {
  kafka = await useKafka();
  const [host, port] = kafka.bootstrap.split(",")[0]!.split(":") as [string, string];
  if ((await liveBrokers(Number(port), host)).length === 0) {
    throw new Error(`The tests need a Kafka broker, and none answers at KAFKA_BROKERS=${kafka.bootstrap}.`);
  }
  process.env.KAFKA_BROKERS = kafka.bootstrap; // the test processes inherit it
}

export async function globalTeardown(): Promise<void> {
  await kafka.stop();
}
