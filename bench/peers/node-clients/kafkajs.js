import { randomUUID } from "node:crypto";
import { Kafka, logLevel } from "kafkajs";
import { answer, passes, ready } from "./talk.js";
import { isLong, workOf } from "./work.js";

/** kafkajs: `eachBatch` of a consumer with a new group, all partitions at once, from the start of the topic. */

const [bootstrap, topic, workload, partitions, records] = process.argv.slice(2);
const kafka = new Kafka({ clientId: "bench", brokers: bootstrap.split(","), logLevel: logLevel.ERROR });
const producer = kafka.producer();
if (workload === "copy") await producer.connect();
ready();
for await (const outputTopic of passes()) await pass(outputTopic);
await producer.disconnect();

async function pass(outputTopic) {
  const { use, digest } = workOf(workload);
  const consumer = kafka.consumer({ groupId: `bench-${randomUUID()}` });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  let started = performance.now();
  consumer.on(consumer.events.GROUP_JOIN, () => {
    started = performance.now();
  });
  let left = Number(records);
  await new Promise((resolve, reject) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    consumer
      .run({
        partitionsConsumedConcurrently: Number(partitions),
        eachBatch: async ({ batch: { messages } }) => {
          if (workload === "copy") {
            const copies = messages.filter(({ value }) => isLong(value.toString()));
            if (copies.length > 0) await producer.send({ topic: outputTopic, messages: copies });
          } else {
            for (const { value } of messages) use(value.toString());
          }
          left -= messages.length;
          if (left <= 0) resolve();
        },
      })
      .catch(reject);
  });
  const seconds = (performance.now() - started) / 1000;
  answer(digest(), [seconds]);
  await consumer.disconnect();
}
