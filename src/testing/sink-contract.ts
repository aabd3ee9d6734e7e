import assert from "node:assert/strict";
import { type Partition, partitionOf } from "../operators/partition.ts";
import { type BatchCommit, defineSink, type Sink, type SinkDefinition, type SinkProgress } from "../operators/sink.ts";

export interface SinkUnderTest<T, C = unknown> {
  /** What defineSink returned, or what it is given. */
  readonly sink: Sink<T> | SinkDefinition<T, C>;
  /** Distinct values, the same for the same number. */
  value(index: number): T;
  /** Everything that a reader sees, in any order. */
  stored(): Promise<T[]>;
  /** Called at the end of the test. */
  close?(): Promise<void>;
}

/**
 * The suite that every sink must pass to be exactly-once: repeats, replaced drivers, failures half way. `test` is that of node:test or of
 * Vitest; `make` gives a sink on an empty place.
 */
export function sinkContract<T, C = unknown>(
  test: (name: string, run: () => Promise<void>) => void,
  make: () => Promise<SinkUnderTest<T, C>>,
): void {
  const check = (name: string, run: (sink: Applied<T>) => Promise<void>) =>
    test(name, async () => {
      const made = await make();
      const applied = new Applied<T>(made);
      try {
        await run(applied);
      } finally {
        await applied.close();
        await made.close?.();
      }
    });

  check("a batch is stored", async (sink) => {
    await sink.fence(1);
    await sink.apply({ seq: 1 }, [[1, 2], [3]]);
    await sink.expect([1, 2, 3]);
  });

  check("a batch that runs again is stored once", async (sink) => {
    await sink.fence(1);
    await sink.apply({ seq: 1 }, [[1, 2], [3]]);
    await sink.apply({ seq: 1 }, [[1, 2], [3]]);
    await sink.expect([1, 2, 3]);
  });

  check("a batch that the next driver runs again is stored once, and the one after it too", async (sink) => {
    await sink.fence(1);
    await sink.apply({ seq: 1 }, [[1], [2]]);
    await sink.close();
    await sink.fence(2);
    await sink.apply({ seq: 1, epoch: 2 }, [[1], [2]]);
    await sink.apply({ seq: 2, epoch: 2 }, [[3], []]);
    await sink.expect([1, 2, 3]);
  });

  check("a driver that was replaced stores nothing more", async (sink) => {
    await sink.fence(1);
    await sink.apply({ seq: 1 }, [[1], [2]]);
    await sink.fence(2);
    await assert.rejects(sink.apply({ seq: 2 }, [[3], [4]]), { code: "FENCED" });
    await assert.rejects(sink.fence(1), { code: "FENCED" });
    await sink.apply({ seq: 2, epoch: 2 }, [[5], [6]]);
    await sink.expect([1, 2, 5, 6]);
  });

  check(
    "a driver that was replaced by one with fewer partitions stores nothing more in any of its own",
    async (sink) => {
      await sink.fence(1);
      await sink.apply({ seq: 1 }, [[1], [2]]);
      await sink.fence(2, "checkpoint", 1);
      await assert.rejects(sink.apply({ seq: 2 }, [[3], [4]]), { code: "FENCED" });
      await sink.expect([1, 2]);
    },
  );

  check("a batch of another plan under a number that is there is refused", async (sink) => {
    await sink.fence(1);
    await sink.apply({ seq: 1 }, [[1], [2]]);
    await assert.rejects(sink.apply({ seq: 1, digest: "another" }, [[3], [4]]), { code: "PLAN_MISMATCH" });
    await sink.expect([1, 2]);
  });

  check("an empty batch counts: its number is not taken twice", async (sink) => {
    await sink.fence(1);
    await sink.apply({ seq: 1 }, [[], []]);
    await assert.rejects(sink.apply({ seq: 1, digest: "another" }, [[1], [2]]), { code: "PLAN_MISMATCH" });
    await sink.expect([]);
  });

  check("a batch that fails half way is not there, and is stored once when it runs again", async (sink) => {
    await sink.fence(1);
    await assert.rejects(sink.apply({ seq: 1 }, [[1, 2]], { failAfter: 1 }), /half way/);
    await sink.expect([]);
    await sink.apply({ seq: 1 }, [[1, 2]]);
    await sink.expect([1, 2]);
  });

  check("a batch that runs twice at the same time is stored once", async (sink) => {
    await sink.fence(1);
    const twice = await Promise.allSettled([sink.apply({ seq: 1 }, [[1], [2]]), sink.apply({ seq: 1 }, [[1], [2]])]);
    if (twice.every(({ status }) => status === "rejected")) await sink.apply({ seq: 1 }, [[1], [2]]);
    await sink.expect([1, 2]);
  });

  check(
    "its progress, if it tells any, is the last batch that is stored and the newest epoch, of this checkpoint",
    async (sink) => {
      if (!sink.tellsProgress) return;
      assert.equal(await sink.progress(), undefined);
      await sink.fence(1, "other");
      assert.equal(await sink.progress(), undefined, "of another checkpoint");
      await sink.fence(1);
      assert.deepEqual(await sink.progress(), { seq: 0, epoch: 1 }, "after a fence");
      await sink.apply({ seq: 1 }, [[1], [2]]);
      await sink.apply({ seq: 2 }, [[], [3]]);
      await sink.close();
      assert.deepEqual(await sink.progress(), { seq: 2, epoch: 1 }, "after two batches");
      await sink.fence(4);
      assert.deepEqual(await sink.progress(), { seq: 2, epoch: 4 }, "after a newer driver");
      await sink.apply({ seq: 3, epoch: 4 }, [[], []]);
      assert.deepEqual(await sink.progress(), { seq: 3, epoch: 4 }, "after a batch without values");
      await assert.rejects(sink.apply({ seq: 4, epoch: 4 }, [[4, 5]], { failAfter: 1 }), /half way/);
      assert.deepEqual(await sink.progress(), { seq: 3, epoch: 4 }, "after a batch that failed half way");
      await sink.expect([1, 2, 3]);
    },
  );

  check("its progress, if it commits partitions and tells any, tells the last batch of each of them", async (sink) => {
    if (!sink.tellsProgress || !sink.commitsPartitions) return;
    await sink.fence(1);
    await sink.apply({ seq: 1 }, [[1], [2]]);
    assert.deepEqual(await sink.lastOfPartitions(), [1, 1], "after a whole batch");
    await sink.applyOne({ seq: 2 }, 1, [3]);
    assert.deepEqual(await sink.lastOfPartitions(), [1, 2], "after one partition of the next");
    await sink.fence(2);
    assert.deepEqual(await sink.lastOfPartitions(), [1, 2], "after a newer driver");
    await sink.applyOne({ seq: 2, epoch: 2 }, 0, []);
    assert.deepEqual(await sink.lastOfPartitions(), [2, 2], "after the rest of it");
    await sink.apply({ seq: 3, epoch: 2 }, [[4]]);
    assert.deepEqual(await sink.lastOfPartitions(), [3, 2], "after a batch of fewer partitions");
  });

  check("another checkpoint is another history, and the sink remembers both", async (sink) => {
    await sink.fence(1);
    await sink.apply({ seq: 1 }, [[1], [2]]);
    await sink.fence(1, "other");
    await sink.apply({ seq: 1, checkpointId: "other" }, [[3], [4]]);
    await sink.apply({ seq: 1 }, [[1], [2]]);
    await sink.apply({ seq: 1, checkpointId: "other" }, [[3], [4]]);
    await sink.expect([1, 2, 3, 4]);
  });
}

function batchOf(commit: Partial<BatchCommit> & { seq: number }, numPartitions: number): BatchCommit {
  return {
    ...identity("checkpoint"),
    epoch: 1,
    digest: `plan ${commit.seq}`,
    batchTime: 1000 * commit.seq,
    numPartitions,
    offsetRanges: [],
    signal: new AbortController().signal,
    ...commit,
  };
}

/** A sink, driven as the engine drives it. */
class Applied<T> {
  readonly #under: SinkUnderTest<T>;
  readonly #definition: SinkDefinition<T, unknown>;
  /** By checkpoint, as each output of a job has its own. */
  readonly #connections = new Map<string, Promise<unknown>>();

  constructor(under: SinkUnderTest<T>) {
    this.#under = under;
    const sink = "~sink" in under.sink ? under.sink : defineSink(under.sink);
    this.#definition = sink["~sink"] as SinkDefinition<T, unknown>;
  }

  async fence(epoch: number, checkpointId = "checkpoint", numPartitions = 2): Promise<void> {
    await this.#definition.fence(await this.#connection(checkpointId), epoch, numPartitions, identity(checkpointId));
  }

  get tellsProgress(): boolean {
    return this.#definition.progress !== undefined;
  }

  get commitsPartitions(): boolean {
    return "commitPartition" in this.#definition;
  }

  async lastOfPartitions(): Promise<number[]> {
    const known = await this.#definition.progress?.(await this.#connection(), identity("checkpoint"));
    return Array.from({ length: 2 }, (_, partition) => known?.seqs?.[partition] ?? 0);
  }

  /** One partition of two, by a task of its own. */
  async applyOne(commit: Partial<BatchCommit> & { seq: number }, partition: number, numbers: readonly number[]) {
    const definition = this.#definition;
    assert("commitPartition" in definition);
    const whole = { ...batchOf(commit, 2), partition };
    await definition.commitPartition(await this.#connection(), this.#partition(numbers, undefined), whole);
  }

  async progress(): Promise<SinkProgress | undefined> {
    const known = await this.#definition.progress?.(await this.#connection(), identity("checkpoint"));
    return known && { seq: known.seq, epoch: known.epoch };
  }

  async apply(
    commit: Partial<BatchCommit> & { seq: number },
    partitions: readonly (readonly number[])[],
    { failAfter }: { failAfter?: number } = {},
  ): Promise<void> {
    const batch = batchOf(commit, partitions.length);
    const values = partitions.map((numbers) => this.#partition(numbers, failAfter));
    const definition = this.#definition;
    const connection = await this.#connection(batch.checkpointId);
    if ("commitBatch" in definition) {
      await definition.commitBatch(connection, values, batch);
    } else if ("commitPartition" in definition) {
      const commits = values.map((value, partition) =>
        definition.commitPartition(connection, value, { ...batch, partition }),
      );
      await settled(commits);
    } else {
      const parts = values.map((value, partition) =>
        definition.writePartition(connection, value, { ...batch, partition }),
      );
      await definition.publishBatch(connection, structuredClone(await settled(parts)), batch);
    }
  }

  async expect(numbers: readonly number[]): Promise<void> {
    const text = (values: readonly T[]) => values.map((value) => JSON.stringify(value)).sort();
    assert.deepEqual(text(await this.#under.stored()), text(numbers.map((n) => this.#under.value(n))));
  }

  /** What is asked next opens the sink anew. */
  async close(): Promise<void> {
    const all = [...this.#connections.values()];
    this.#connections.clear();
    for (const connection of all) await this.#definition.close(await connection);
  }

  #connection(checkpointId = "checkpoint"): Promise<unknown> {
    const opened = this.#connections.get(checkpointId) ?? this.#definition.open(identity(checkpointId));
    this.#connections.set(checkpointId, opened);
    return opened;
  }

  #partition(numbers: readonly number[], failAfter: number | undefined): Partition<T> {
    const { value } = this.#under;
    return partitionOf(
      (async function* () {
        for (const [i, n] of numbers.entries()) {
          if (i === failAfter) throw new Error("the batch fails half way");
          yield [value(n)];
        }
      })(),
    );
  }
}

const identity = (checkpointId: string) => ({ checkpointId, appName: "contract", output: "values" });

/** All, also when one fails: nothing of a batch may go on behind the test's back. */
async function settled<R>(promises: readonly Promise<R>[]): Promise<R[]> {
  const results = await Promise.allSettled(promises);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}
