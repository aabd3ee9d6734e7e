/**
 * How long after a record was written its batch is planned and completed with `trigger: "onData"`, and what a stream costs that waits.
 * Needs KAFKA_BROKERS. `npx node --conditions=millrace-source bench/on-data.ts [records] [idle seconds]`
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Admin, ProduceAcks, Producer } from "@platformatic/kafka";
import { defineJob, KafkaUtils, runJob } from "millrace";
import { median } from "./statistics.ts";

const [records = "300", idleSeconds = "10"] = process.argv.slice(2);
const bootstrap = process.env.KAFKA_BROKERS ?? "localhost:9092";
const topic = `bench-on-data-${randomUUID().slice(0, 8)}`;
const client = { clientId: "millrace-bench", bootstrapBrokers: bootstrap.split(",") };

const admin = new Admin({ ...client, retries: 20 });
await admin.createTopics({ topics: [topic], partitions: 4, replicas: 1 });
await admin.close();

let planned = 0;
let completed = Promise.withResolvers<number>();
const job = defineJob({ appName: "on-data", batchInterval: "1s", master: "local", trigger: "onData" }, (ssc) => {
  const params = { "bootstrap.servers": bootstrap, "auto.offset.reset": "earliest" } as const;
  KafkaUtils.createDirectStream(ssc, [topic], params).foreachRDD(async (rdd) => void (await rdd.count()));
});
const running = await runJob(job, {
  listeners: [
    {
      onBatchSubmitted: () => (planned = performance.now()),
      onBatchCompleted: () => completed.resolve(performance.now()),
    },
  ],
});
const producer = new Producer({ ...client, retries: 20 });
const latencies = { planned: [] as number[], plannedAfterAck: [] as number[], completed: [] as number[] };
for (let i = 0; i < Number(records); i++) {
  completed = Promise.withResolvers();
  const written = performance.now();
  const message = { topic, value: Buffer.from("v"), partition: i % 4 };
  let acknowledged = written;
  const sent = producer.send({ messages: [message], acks: ProduceAcks.LEADER }).then(() => {
    acknowledged = performance.now();
  });
  const [end] = await Promise.all([completed.promise, sent]);
  latencies.planned.push(planned - written);
  latencies.plannedAfterAck.push(planned - acknowledged);
  latencies.completed.push(end - written);
  await delay(20 * Math.random());
}
await producer.close();

await delay(500);
const before = process.cpuUsage();
await delay(Number(idleSeconds) * 1000);
const { user, system } = process.cpuUsage(before);
await running.stop();

const rounded = (value: number) => Math.round(value * 100) / 100;
for (const [name, values] of Object.entries(latencies)) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => rounded(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!);
  console.log(`${name}: median ${rounded(median(values))} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms`);
}
console.log(`idle: ${rounded((user + system) / 1e4 / Number(idleSeconds))} % of one core`);
