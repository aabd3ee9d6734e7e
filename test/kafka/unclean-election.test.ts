/** A leader without the newest records takes over, and its log grows past where the stream stands before the stream looks again. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { assertRefused } from "../helpers/assert-error.ts";
import { type HeldStreamOptions, holdStream } from "../helpers/held-stream.ts";
import { createTopic, inSync, moveLeader, withThreeBrokers } from "../helpers/kafka.ts";
import { produceMany } from "../helpers/produce.ts";
import { countRequests, OFFSET_FOR_LEADER_EPOCH } from "../helpers/requests.ts";
import { waitUntil } from "../helpers/wait-until.ts";
import { openCluster } from "./read-all.ts";

const NOBODY = -1;
const lines = (from: number, until: number, write: (offset: number) => string) =>
  Array.from({ length: until - from }, (_, i) => `0:${from + i}=${write(from + i)}`);
const old = (offset: number) => `old-${offset}`;
const renewed = (offset: number) => `new-${offset}`;

/** A topic of two partitions on two of three brokers, of which one may lead without the newest records. */
async function withUncleanElections(t: TestContext) {
  const kafka = await withThreeBrokers(t);
  const { bootstrap } = kafka;
  // The other partition changes its leader too, and loses nothing.
  const topic = await createTopic(t, {
    bootstrap,
    assignments: [
      [1, 2],
      [1, 2],
    ],
    configs: { "unclean.leader.election.enable": "true", "min.insync.replicas": "1" },
  });
  const at = { topic, partition: 0 };
  const cluster = openCluster({ "bootstrap.servers": bootstrap });
  t.after(() => cluster.close());
  const untilLeaderIs = (leader: number) =>
    waitUntil(`${leader} leads`, async () =>
      (await cluster.topics([topic]))[0]!.partitions.every((partition) => partition.leader === leader),
    );
  const write = (from: number, until: number, value: (offset: number) => string) =>
    produceMany(topic, until - from, (i) => value(from + i), { bootstrap });
  const strict: HeldStreamOptions = { params: { "bootstrap.servers": bootstrap, "auto.offset.reset": "earliest" } };
  const lenient: HeldStreamOptions = { ...strict, stream: { failOnDataLoss: false } };
  const hold = (options: HeldStreamOptions) => holdStream(t, [topic], options);

  const untilBothHave = async (end: number) => {
    await waitUntil("both replicas are in sync", async () =>
      (await inSync(topic, bootstrap)).every(({ length }) => length === 2),
    );
    await waitUntil(`they have ${end} records`, async () =>
      isDeepStrictEqual([...(await cluster.latestOffsets([at])).values()], [end]),
    );
  };
  return { kafka, at, untilLeaderIs, write, hold, strict, lenient, untilBothHave };
}

test("what an unclean leader election cut off is noticed after the log has grown past it", async (t) => {
  const { kafka, at, untilLeaderIs, write, hold, strict, lenient, untilBothHave } = await withUncleanElections(t);
  const { topic } = at;
  await write(0, 5, old);
  await untilBothHave(5);
  await kafka.stopBroker(2);
  await write(5, 10, old);
  const running = await hold(strict);
  const goingOn = await hold(lenient);
  const stopped = [await hold(lenient), await hold(lenient)] as const;
  for (const stream of [running, goingOn, ...stopped]) assert.deepEqual(await stream.batch(), lines(0, 10, old));
  for (const stream of stopped) await stream.stop();
  const failing = async () => {
    const fail = () => {
      throw new Error("the output fails");
    };
    const stream = await hold({ ...lenient, beforeReading: fail });
    assert.match((await stream.failure()).message, /the output fails/);
    return stream;
  };
  const pending = [await failing(), await failing()] as const;

  await kafka.killBroker(1);
  await untilLeaderIs(NOBODY);
  await kafka.startBroker(2);
  await untilLeaderIs(2);
  await write(5, 13, renewed);
  const loss = { range: { ...at, fromOffset: 5, untilOffset: 10 }, reason: "truncated" };
  const lost =
    /OffsetRange\(.*partition: 0, range: \[5 -> 10\]\): it has read .* up to offset 10, which was cut off at 5/;

  await t.test("a running stream fails, and names the range", async () => {
    const error = await assertRefused(Promise.reject(await running.failure()), "OFFSETS_LOST", lost, /failOnDataLoss/);
    assert.deepEqual(error.at, { ...at, offset: 10 });
  });

  await t.test("with failOnDataLoss: false it is told, and what the new leader has from there on is read", async () => {
    const requests = await countRequests(OFFSET_FOR_LEADER_EPOCH, async () =>
      assert.deepEqual(await goingOn.batch(), lines(5, 13, renewed)),
    );
    assert.equal(requests, 1, "one request for all partitions of a leader");
    assert.deepEqual(goingOn.losses, [loss]);
  });

  await t.test("a restart notices it by what the checkpoint says", async () => {
    await assertRefused(hold({ ...strict, disk: stopped[0].disk }), "OFFSETS_LOST", lost, /failOnDataLoss/);
    const again = await hold({ ...lenient, disk: stopped[1].disk });
    assert.deepEqual(await again.batch(), lines(5, 13, renewed));
    assert.deepEqual(again.losses, [loss]);
  });

  await t.test("a pending batch never reads other records than the planned ones", async () => {
    const refused = await hold({ ...strict, disk: pending[0].disk });
    await assertRefused(
      Promise.reject(await refused.failure()),
      "OFFSETS_LOST",
      /The planned records of .*-0 from offset 5 to 10 are gone: a later leader has others there/,
      /unclean leader election/,
    );
    const again = await hold({ ...lenient, disk: pending[1].disk });
    await again.batch();
    assert.deepEqual(again.reads, [lines(0, 5, old), lines(5, 13, renewed)]);
    assert.deepEqual(again.losses, [loss, loss], "the range that was not read, and the place that is left");
  });

  await t.test("a leader that takes over with all records is asked once, and nothing is lost", async () => {
    await kafka.startBroker(1);
    await untilBothHave(13);
    await moveLeader(kafka, topic, 0, 1);
    await write(13, 14, renewed);
    await untilBothHave(14);
    const batch = async () => void (await goingOn.batch());
    assert.equal(await countRequests(OFFSET_FOR_LEADER_EPOCH, batch), 1);
    assert.deepEqual(goingOn.reads.at(-1), lines(13, 14, renewed));
    assert.equal(await countRequests(OFFSET_FOR_LEADER_EPOCH, batch), 0);
    assert.deepEqual(goingOn.losses, [loss]);
  });
});

test("what was read is noticed to be gone when a second election brings back what the first one cut off", async (t) => {
  const { kafka, at, untilLeaderIs, write, hold, strict, lenient, untilBothHave } = await withUncleanElections(t);
  await write(0, 5, old);
  await untilBothHave(5);
  await kafka.stopBroker(2);
  await write(5, 10, old);
  const early = await hold(lenient);
  assert.deepEqual(await early.batch(), lines(0, 10, old));
  await kafka.killBroker(1);
  await untilLeaderIs(NOBODY);
  await kafka.startBroker(2);
  await untilLeaderIs(2);
  await write(5, 8, renewed);

  // One that has seen the first election, and some that begin after it.
  assert.deepEqual(await early.batch(), lines(5, 8, renewed));
  const running = await hold(strict);
  const goingOn = await hold(lenient);
  const stopped = await hold(strict);
  const read = [...lines(0, 5, old), ...lines(5, 8, renewed)];
  for (const stream of [running, goingOn, stopped]) assert.deepEqual(await stream.batch(), read);
  await stopped.stop();
  const pending = await hold({
    ...strict,
    beforeReading: () => {
      throw new Error("the output fails");
    },
  });
  assert.match((await pending.failure()).message, /the output fails/);

  await kafka.killBroker(2);
  await untilLeaderIs(NOBODY);
  await kafka.startBroker(1);
  await untilLeaderIs(1);
  await write(10, 12, renewed);
  const loss = { range: { ...at, fromOffset: 5, untilOffset: 8 }, reason: "truncated" };
  const lost = /range: \[5 -> 8\]\): it has read .* up to offset 8, which was cut off at 5/;
  const broughtBack = [...lines(5, 10, old), ...lines(10, 12, renewed)];

  await t.test("a running stream fails, and so does a restart", async () => {
    await assertRefused(Promise.reject(await running.failure()), "OFFSETS_LOST", lost, /failOnDataLoss/);
    await assertRefused(hold({ ...strict, disk: stopped.disk }), "OFFSETS_LOST", lost, /failOnDataLoss/);
  });

  await t.test("with failOnDataLoss: false it is told, and what was brought back is read", async () => {
    assert.deepEqual(await goingOn.batch(), broughtBack);
    assert.deepEqual(goingOn.losses, [loss]);
    assert.deepEqual(await early.batch(), broughtBack);
    assert.deepEqual(early.losses.at(-1), loss);
  });

  await t.test("a pending batch never reads what was brought back for what was planned", async () => {
    const again = await hold({ ...strict, disk: pending.disk });
    await assertRefused(
      Promise.reject(await again.failure()),
      "OFFSETS_LOST",
      /The planned records of .*-0 from offset 5 to 8 are gone: a later leader has others there/,
      /unclean leader election/,
    );
  });
});
