import { randomUUID } from "node:crypto";
import { Consumer, Producer, stringDeserializers, stringSerializers } from "@platformatic/kafka";
import { answer, passes, ready } from "./talk.js";
import { isLong, workOf } from "./work.js";

/** @platformatic/kafka: the stream of a consumer with a new group, from the start of the topic. */

/** Messages of the copy that are sent together; the client sends what it is given at once. */
const SEND = 5000;

const [bootstrap, topic, workload, , records] = process.argv.slice(2);
const client = { clientId: "bench", bootstrapBrokers: bootstrap.split(",") };
const producer = new Producer({ ...client, serializers: stringSerializers });
ready();
for await (const outputTopic of passes()) await pass(outputTopic);
await producer.close();

async function pass(outputTopic) {
  const { use, digest } = workOf(workload);
  const consumer = new Consumer({ ...client, groupId: `bench-${randomUUID()}`, deserializers: stringDeserializers });
  const stream = await consumer.consume({ topics: [topic], mode: "earliest", autocommit: true });
  const started = performance.now();
  if (workload === "copy") await copy(stream, outputTopic);
  else await each(stream, use);
  const seconds = (performance.now() - started) / 1000;
  answer(digest(), [seconds]);
  await consumer.close(true);
}

function each(stream, use) {
  let left = Number(records);
  return new Promise((resolve, reject) => {
    stream.on("error", reject);
    stream.on("data", ({ value }) => {
      use(value);
      if (--left === 0) resolve();
    });
  });
}

async function copy(stream, outputTopic) {
  let left = Number(records);
  let messages = [];
  for await (const { value } of stream) {
    left--;
    if (isLong(value)) messages.push({ topic: outputTopic, value });
    if (messages.length === SEND || (left === 0 && messages.length > 0)) {
      await producer.send({ messages });
      messages = [];
    }
    if (left === 0) return;
  }
}
