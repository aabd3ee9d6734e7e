/** What a broker says that does not know yet that another one has taken over, or that it has: it is asked again before anything follows from it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { KafkaCluster } from "../../src/kafka/connection/cluster.ts";
import { ErrorCodes, ProtocolError } from "../../src/kafka/connection/protocol-error.ts";
import { StreamPlaces } from "../../src/kafka/stream-places.ts";
import { createTopic } from "../helpers/kafka.ts";
import { produceMany } from "../helpers/produce.ts";
import { openCluster, readRecords, wholePartition } from "./read-all.ts";

/** A real cluster, of which one method answers as a test wants. */
function withAnswers<M extends "ends" | "fetchSocket">(
  cluster: KafkaCluster,
  method: M,
  answer: KafkaCluster[M],
): KafkaCluster {
  return overriding(cluster, method, answer);
}

function overriding<T extends object>(of: T, name: string, instead: unknown): T {
  return new Proxy(of, {
    get(target, property) {
      if (property === name) return instead;
      const member: unknown = Reflect.get(target, property, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

test("a leader that says 'out of range' about an offset that is there is asked again", async (t) => {
  const topic = await createTopic(t);
  await produceMany(topic, 20, String);
  await using cluster = openCluster();
  let refusals = 0;
  const hasty = withAnswers(cluster, "fetchSocket", async (address) => {
    const socket = await cluster.fetchSocket(address);
    if (refusals++ > 0) return socket;
    return overriding(socket, "request", async () => {
      throw new ProtocolError(ErrorCodes.OFFSET_OUT_OF_RANGE, "fetching");
    });
  });
  const records = await readRecords(hasty, await wholePartition(cluster, topic));
  assert.equal(records.length, 20);
  assert.ok(refusals > 1);
});

test("what a leader of an earlier epoch says about the end of the log is asked again, and the place keeps its epoch", async (t) => {
  const topic = await createTopic(t);
  await produceMany(topic, 20, String);
  await using cluster = openCluster();
  let asked = 0;
  const divided = withAnswers(cluster, "ends", async (...args) => {
    const ends = await cluster.ends(...args);
    // The first look of a start is behind a look-up; the one after it by what was looked up then.
    const isStale = ++asked === 2;
    const seen = (end: number) => (isStale ? { offset: 12, leaderEpoch: 4 } : { offset: end, leaderEpoch: 5 });
    return ends.map(({ offset }) => seen(offset));
  });
  const { topicId } = await wholePartition(cluster, topic);
  const places = new StreamPlaces(divided, {
    topics: [topic],
    failOnDataLoss: true,
    fromOffsets: undefined,
    startingTimestamp: undefined,
    startFrom: undefined,
  });
  const signal = AbortSignal.timeout(20_000);
  await places.open(signal, [{ topic, partition: 0, topicId: topicId!, offset: 10, leaderEpoch: 5 }]);
  await places.look(signal);
  assert.ok(asked > 2);
  assert.deepEqual(
    places.all.map(({ offset, end, leaderEpoch }) => ({ offset, end, leaderEpoch })),
    [{ offset: 10, end: 20, leaderEpoch: 5 }],
  );
});
