/** `npm run kafka [-- --brokers 3] [--port 9092] [--data folder]`: a local Kafka in the foreground, until Ctrl-C. */
import { once } from "node:events";
import { parseArgs } from "node:util";
import { type KafkaOptions, startKafka } from "./index.ts";

const { values } = parseArgs({
  options: {
    brokers: { type: "string", default: "1" },
    port: { type: "string" },
    data: { type: "string" },
  },
});
if (values.brokers !== "1" && values.brokers !== "3") {
  console.error(`--brokers is 1 or 3, not ${values.brokers}.`);
  process.exit(2);
}

const brokers = values.brokers === "3" ? 3 : 1;
const first = values.port === undefined ? undefined : Number(values.port);
const options: KafkaOptions = {
  brokers,
  fast: "run",
  ...(first === undefined ? {} : { ports: Array.from({ length: brokers }, (_, index) => first + index) }),
  ...(values.data === undefined ? {} : { dataDirectory: values.data }),
};
const stopped = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
try {
  const kafka = await startKafka(options);
  console.log(`Apache Kafka is up: KAFKA_BROKERS=${kafka.bootstrap}`);
  console.log("Stop it with Ctrl-C.");
  const alive = setInterval(() => {}, 60_000);
  await stopped;
  clearInterval(alive);
  await kafka.stop();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
