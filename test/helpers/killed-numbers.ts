import { join } from "node:path";
import type { TestContext } from "node:test";
import { bootstrapServers, createTopic } from "./kafka.ts";
import { runKilled } from "./killed-driver.ts";
import { produceMany } from "./produce.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const KILLS = 4;
const NUMBERS_PER_ROUND = 400;

export interface KilledNumbers {
  /** From test/fixtures/jobs: writes every number, and the sum of each remainder of 7 in each batch. */
  readonly job: string;
  readonly params: Readonly<Record<string, string>>;
  /** @default a folder */
  readonly checkpointDirectory?: string;
  /** How many numbers are written so far. While the first driver has not begun it may throw. */
  progress(): number | Promise<number>;
}

/** Feeds a job with numbers and kills its driver again and again. @returns what must be there then. */
export async function runKilledOnNumbers(t: TestContext, run: KilledNumbers) {
  const topic = await createTopic(t, { partitions: 4 });
  await runKilled({
    job: run.job,
    params: { brokers: bootstrapServers(), topic, ...run.params },
    checkpointDirectory: run.checkpointDirectory ?? join(temporaryFolder(t), "checkpoint"),
    kills: KILLS,
    recordsPerRound: NUMBERS_PER_ROUND,
    produce: (round) =>
      produceMany(topic, NUMBERS_PER_ROUND, (i) => String((round - 1) * NUMBERS_PER_ROUND + i), { partitions: 4 }),
    progress: () => run.progress(),
  });
  const numbers = Array.from({ length: (KILLS + 1) * NUMBERS_PER_ROUND }, (_, n) => n);
  return { numbers, sums: sumsOf(numbers.map((n) => [n % 7, n])) };
}

/** The sum of each key, the keys in order. */
export function sumsOf(pairs: Iterable<readonly [key: number, n: number]>): [number, number][] {
  const sums = new Map<number, number>();
  for (const [key, n] of pairs) sums.set(key, (sums.get(key) ?? 0) + n);
  return [...sums].sort(([a], [b]) => a - b);
}

export const ascending = (a: number, b: number) => a - b;
