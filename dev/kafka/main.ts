/** `npm run kafka [-- --brokers 3] [--port 9092] [--data folder]`: a local Kafka in the foreground, until Ctrl-C. */
import { once } from "node:events";
import { startKafka } from "./index.ts";
import { parseOptions, UsageError, usage } from "./options.ts";

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === "help") console.log(usage);
  else {
    const stopped = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
    const kafka = await startKafka(options);
    console.log(`Apache Kafka is up: KAFKA_BROKERS=${kafka.bootstrap}`);
    console.log("Stop it with Ctrl-C.");
    const alive = setInterval(() => {}, 60_000);
    await stopped;
    clearInterval(alive);
    await kafka.stop();
  }
} catch (error) {
  const isUsage = error instanceof UsageError;
  console.error((error as Error).message + (isUsage ? `\n\n${usage}` : ""));
  process.exitCode = isUsage ? 2 : 1;
}
