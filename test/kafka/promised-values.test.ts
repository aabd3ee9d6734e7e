/** A decoder that looks like a plain function and returns a promise: it is told of, and not the operator that met the promise. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ConsumerRecord,
  type DirectStreamOptions,
  type DStream,
  KafkaUtils,
  MillraceError,
  StreamingContext,
} from "millrace";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produce } from "../helpers/produce.ts";

type Decoded = ConsumerRecord<string | null, unknown>;

/** At "2" only: what decoders do that ask somebody for what they have not seen yet. */
const sometimesLater = (bytes: Uint8Array | null) => {
  const text = String.fromCharCode(...(bytes ?? []));
  return text === "2" ? Promise.resolve(text) : text;
};

const waysToMeetIt: Readonly<Record<string, (stream: DStream<Decoded>) => DStream<unknown>>> = {
  map: (stream) => stream.map(({ value }) => value),
  filter: (stream) => stream.filter(({ value }) => value as boolean),
  "an object that crosses": (stream) => stream.map(({ value }) => ({ value })),
  "a group": (stream) => stream.map(({ value }) => [1, value] as const).groupByKey(),
  "a record that crosses": (stream) => stream,
};

async function failureOf(
  topic: string,
  through: (stream: DStream<Decoded>) => DStream<unknown>,
  options: DirectStreamOptions<string | null, unknown>,
): Promise<unknown> {
  const ssc = new StreamingContext({ appName: "promised", batchInterval: "1s", trigger: "availableNow" });
  const params = { "bootstrap.servers": bootstrapServers(), "auto.offset.reset": "earliest" } as const;
  through(KafkaUtils.createDirectStream(ssc, [topic], params, options)).foreachRDD(async (rdd) => {
    await rdd.collect();
  });
  await ssc.start();
  return ssc.awaitTermination().then(
    () => undefined,
    (error: unknown) => error,
  );
}

test("a promise that a decoder returned is the decoder's fault, wherever it is met", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  await produce(
    topic,
    ["0", "1", "2"].map((value) => ({ value })),
  );
  for (const onDecodeError of ["fail", "skip"] as const) {
    for (const [way, through] of Object.entries(waysToMeetIt)) {
      const error = await failureOf(topic, through, { valueDecoder: sometimesLater, onDecodeError });
      assert(MillraceError.is(error, "DECODE_FAILED"), `${way}, ${onDecodeError}: ${error}`);
      assert.equal(
        error.message,
        `The value of the record at offset 2 of ${topic}-0 was not decoded: valueDecoder returned a promise.`,
      );
      assert.match(error.hint, /\{ prepare, decode \}/);
      const { topic: of, partition, offset } = error.at;
      assert.deepEqual({ of, partition, offset }, { of: topic, partition: 0, offset: 2 });
    }
  }
});

test("a promise of an operator's own stays its fault, also when it fails", async (t) => {
  const topic = await createTopic(t, { partitions: 1 });
  await produce(topic, [{ value: "1" }]);
  const fails = async () => {
    throw new Error("nobody waits for this");
  };
  const error = await failureOf(topic, (stream) => stream.map(fails), { valueDecoder: sometimesLater });
  assert(MillraceError.is(error, "ASYNC_FUNCTION"), `${error}`);
});
