import type { BroadcastValue } from "../executor/protocol.ts";
import type { Broadcast } from "../graph/shared-variables.ts";
import type { Clock } from "../model/clock.ts";
import type { Time } from "../model/duration.ts";
import { messageOf } from "../model/error-transfer.ts";
import { MillraceError } from "../model/errors.ts";
import type { BroadcastVersions } from "../model/plan.ts";
import { encodeValues } from "../shuffle/codec.ts";

interface Loaded extends BroadcastValue {
  readonly loadedAt: number;
}

/** The driver's side of broadcasts: loads their values and counts their versions. */
export class Broadcasts {
  readonly #declared: readonly Broadcast<unknown>[];
  readonly #clock: Clock;
  readonly #force: AbortSignal;
  readonly #loaded = new Map<string, Loaded>();

  constructor(declared: readonly Broadcast<unknown>[], clock: Clock, force: AbortSignal) {
    this.#declared = declared;
    this.#clock = clock;
    this.#force = force;
  }

  /**
   * Loads everything for the first time. A batch that an earlier driver has planned runs with its versions by name only: values are not in
   * the checkpoint. @throws OUTPUT_FAILED with what a load function threw
   */
  async open(planned: BroadcastVersions | undefined): Promise<void> {
    await Promise.all(this.#declared.map((broadcast) => this.#load(broadcast, planned?.[broadcast.id] ?? 1)));
  }

  /** Loads again what is due. @returns the versions of the batch that is planned; undefined when nothing is broadcast */
  async refresh(batchTime: Time): Promise<BroadcastVersions | undefined> {
    const now = this.#clock.now();
    const due = this.#declared.filter(({ id, refreshMs = Infinity }) => {
      const { loadedAt } = this.#loaded.get(id)!;
      // A clock that was set back must not put it off by as much.
      return now - loadedAt >= refreshMs || now < loadedAt;
    });
    await Promise.all(
      due.map((broadcast) => this.#load(broadcast, this.#loaded.get(broadcast.id)!.version + 1, batchTime)),
    );
    if (this.#declared.length === 0) return undefined;
    return Object.fromEntries(this.values().map(({ id, version }) => [id, version]));
  }

  values(): readonly BroadcastValue[] {
    return [...this.#loaded.values()].map(({ id, version, memory }) => ({ id, version, memory }));
  }

  async #load({ id, name, load }: Broadcast<unknown>, version: number, batchTime?: Time): Promise<void> {
    const loadedAt = this.#clock.now();
    let value: unknown;
    try {
      value = await this.#unlessForced(load());
    } catch (error) {
      if (MillraceError.is(error)) throw error;
      throw new MillraceError("OUTPUT_FAILED", `The load function of ${name} failed: ${messageOf(error)}`, {
        hint: "The function threw; its own error is the cause. It may catch it and return what it had before.",
        cause: error,
        at: { operator: name, ...(batchTime !== undefined && { batchTime }) },
      });
    }
    const bytes = encodeValues([value], name);
    const memory = new SharedArrayBuffer(bytes.length);
    new Uint8Array(memory).set(bytes);
    this.#loaded.set(id, { id, version, memory, loadedAt });
  }

  /** A stop by force waits for nobody. */
  async #unlessForced<R>(work: R | Promise<R>): Promise<R> {
    const forced = Promise.withResolvers<never>();
    const stop = () => forced.reject(this.#force.reason);
    if (this.#force.aborted) stop();
    this.#force.addEventListener("abort", stop, { once: true });
    try {
      return await Promise.race([work, forced.promise]);
    } finally {
      this.#force.removeEventListener("abort", stop);
    }
  }
}
