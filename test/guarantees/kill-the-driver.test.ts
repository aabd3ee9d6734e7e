import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { OffsetRange } from "millrace";
import { addPartitions, bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { runKilled } from "../helpers/killed-driver.ts";
import { produceMany } from "../helpers/produce.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const KILLS = 4;
const RECORDS_PER_ROUND = 400;

interface Line {
  readonly seq: number;
  readonly time: number;
  readonly ranges: readonly OffsetRange[];
  readonly sums: readonly (readonly [number, number])[];
}

test("a driver that is killed again and again while its topic grows runs every batch by its plan, and no record is left out or counted twice", async (t) => {
  const partitionsIn = (round: number) => 3 + round;
  const topic = await createTopic(t, { partitions: partitionsIn(1) });
  const folder = temporaryFolder(t);
  const file = join(folder, "batches.jsonl");
  const lines = async (): Promise<Line[]> => {
    const text = await readFile(file, "utf8").catch(() => "");
    // The last line may be cut off: its batch did not complete.
    return text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  };
  const records = (batches: readonly Line[]) => {
    const ends = new Map(batches.flatMap(({ ranges }) => ranges.map((r) => [r.partition, r.untilOffset])));
    return [...ends.values()].reduce((sum, end) => sum + end, 0);
  };

  await runKilled({
    job: "record-batches.ts",
    params: { brokers: bootstrapServers(), topic, file },
    checkpointDirectory: join(folder, "checkpoint"),
    kills: KILLS,
    recordsPerRound: RECORDS_PER_ROUND,
    async produce(round) {
      const partitions = partitionsIn(round);
      if (round > 1) await addPartitions(topic, partitions);
      const write = (i: number) => String((round - 1) * RECORDS_PER_ROUND + i);
      await produceMany(topic, RECORDS_PER_ROUND, write, { partitions });
    },
    progress: async () => records(await lines()),
  });

  const bySeq = new Map<number, Line>();
  for (const line of await lines()) {
    const before = bySeq.get(line.seq);
    if (before === undefined) bySeq.set(line.seq, line);
    else assert.deepEqual(line, before, `batch ${line.seq} ran again and was not the same`);
  }
  const ordered = [...bySeq.values()].sort((a, b) => a.seq - b.seq);
  assert.equal(ordered.at(-1)!.ranges.length, partitionsIn(KILLS + 1));
  const ends = new Map<number, number>();
  const sums = new Map<number, number>();
  for (const [i, line] of ordered.entries()) {
    assert.equal(line.seq, i + 1);
    for (const { partition, fromOffset, untilOffset } of line.ranges) {
      assert.equal(fromOffset, ends.get(partition) ?? 0);
      ends.set(partition, untilOffset);
    }
    for (const [key, sum] of line.sums) sums.set(key, (sums.get(key) ?? 0) + sum);
  }
  const total = (KILLS + 1) * RECORDS_PER_ROUND;
  const expected = new Map<number, number>();
  for (let n = 0; n < total; n++) expected.set(n % 7, (expected.get(n % 7) ?? 0) + n);
  assert.deepEqual(new Map([...sums].sort()), new Map([...expected].sort()));
});
