import type { StateWrites } from "../checkpoint/state-log.ts";
import type { Executor } from "../executor/executor.ts";
import type { PooledTask } from "../executor/pool.ts";
import type { StateAdvance, StateVersion } from "../executor/protocol.ts";
import type { NodeOf } from "../graph/node.ts";
import { assert } from "../model/errors.ts";
import type { RunningPlan, StatePlan } from "../model/plan.ts";
import type { Journal } from "./journal.ts";

/** After so many changes a partition is written whole: a recovery has no more to read. */
const PARTS_MAX = 100;

/** Changes may grow to the size of the snapshot before them, or to this. */
const CHANGED_BYTES_MIN = 1 << 16;

interface Held {
  readonly executor: Executor;
  readonly version: string;
}

interface Advanced extends Held {
  readonly written: Uint8Array | undefined;
  readonly snapshot: boolean;
}

/**
 * Which executor holds which partition of which state, and in what version. Versions move with completed batches only: what a batch has
 * advanced counts from {@link commit} on, and is forgotten by {@link discard}. What an executor does not hold it is sent, as it was written.
 */
export class States {
  readonly #journal: Journal;
  readonly #held = new Map<string, Held>();
  #advanced = new Map<string, Advanced>();
  #attempts = 0;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** For the pool: where a task that advances a partition should run, and from what version. */
  task({ stateName }: NodeOf<"state">, partition: number, plan: RunningPlan): NonNullable<PooledTask["state"]> {
    const place = `${stateName}/${partition}`;
    return {
      home: partition,
      versionFor: async (executor) => {
        const held = this.#held.get(place);
        // Whatever becomes of this try: the executor that has it no longer holds the version before.
        this.#held.delete(place);
        const to = `${plan.epoch}-${plan.seq}-${++this.#attempts}`;
        const isHeld = held !== undefined && held.executor === executor && executor.alive;
        const parts = isHeld ? undefined : await this.#journal.readState(stateName, partition);
        const snapshot = this.#snapshotDue(stateName, partition);
        this.#advanced.set(place, { executor, version: to, written: undefined, snapshot });
        return { from: held?.version ?? "", to, parts, snapshot } satisfies StateVersion;
      },
    };
  }

  /** For the pool: where a task that reads a partition finds it, as this batch has left it. */
  reading({ stateName }: NodeOf<"state">, partition: number): NonNullable<PooledTask["state"]> {
    const advanced = this.#advanced.get(`${stateName}/${partition}`);
    assert(advanced !== undefined, `${stateName}/${partition} was not advanced`);
    const { executor: holder, version, written, snapshot } = advanced;
    return {
      home: partition,
      versionFor: async (executor) => {
        const isHeld = holder === executor && executor.alive;
        const before = isHeld || snapshot ? [] : await this.#journal.readState(stateName, partition);
        const parts = isHeld ? undefined : [...before, ...(written === undefined ? [] : [written])];
        return { from: version, to: version, parts, snapshot: false } satisfies StateVersion;
      },
    };
  }

  /** The result of the accepted try of a task. */
  advanced({ stateName }: NodeOf<"state">, partition: number, { written }: StateAdvance): void {
    const place = `${stateName}/${partition}`;
    const last = this.#advanced.get(place);
    assert(last !== undefined, `${place} was advanced by nobody`);
    this.#advanced.set(place, { ...last, written });
  }

  /** What has to be written for the batch to be complete. */
  writes(plan: RunningPlan): StateWrites {
    return Object.fromEntries(
      Object.entries(plan.states ?? {}).map(([name, { numPartitions }]: [string, StatePlan]) => [
        name,
        Array.from({ length: numPartitions }, (_, partition) => {
          const advanced = this.#advanced.get(`${name}/${partition}`);
          assert(advanced !== undefined, `${name}/${partition} was not advanced`);
          const { written, snapshot } = advanced;
          return written && { bytes: written, snapshot };
        }),
      ]),
    );
  }

  /** The batch is complete. */
  commit(): void {
    for (const [place, { executor, version }] of this.#advanced) this.#held.set(place, { executor, version });
    this.#advanced = new Map();
  }

  /** The batch has failed: its versions never were. */
  discard(): void {
    this.#advanced = new Map();
  }

  #snapshotDue(name: string, partition: number): boolean {
    const [whole, ...changes] = this.#journal.world.states[name]?.[partition] ?? [];
    if (whole === undefined) return true;
    const changed = changes.reduce((sum, { length }) => sum + length, 0);
    // Each partition at another time, so that a batch has not to write everything.
    const longest = PARTS_MAX - (partition % (PARTS_MAX >> 1));
    return changed > Math.max(whole.length, CHANGED_BYTES_MIN) || changes.length >= longest;
  }
}
