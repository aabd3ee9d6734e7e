import type { Warn } from "../graph/source.ts";
import { messageOf } from "../model/error-transfer.ts";
import type { ConsumerGroup } from "./connection/consumer-group.ts";
import type { GroupOffset } from "./connection/group-requests.ts";

/** Kafka forgets offsets that were not committed for days (offsets.retention.minutes). */
const COMMIT_AGAIN_MS = 60 * 60 * 1_000;

/**
 * Tells a Kafka group how far a stream has come, for lag monitors and for `startFromGroup`. Nothing depends on it: it goes on beside the
 * batches, one commit at a time, and what fails is a warning.
 */
export class GroupCommits {
  readonly #group: Pick<ConsumerGroup, "commit" | "name">;
  readonly #warn: Warn;
  #next: readonly GroupOffset[] | undefined;
  #isSending = false;
  #sent = Promise.resolve();
  #committed = "";
  #committedAt = 0;
  #failing = false;

  constructor(group: Pick<ConsumerGroup, "commit" | "name">, warn: Warn) {
    this.#group = group;
    this.#warn = warn;
  }

  /** Replaces what has not been sent yet. */
  offer(offsets: readonly GroupOffset[]): void {
    this.#next = offsets;
    if (!this.#isSending) this.#sent = this.#sendAll();
  }

  /** Resolves when all that was offered has been sent, or has failed. */
  flush(): Promise<void> {
    return this.#sent;
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true;
    while (this.#next !== undefined) {
      const offsets = this.#next;
      this.#next = undefined;
      const text = JSON.stringify(offsets.map(({ topic, partition, offset }) => [topic, partition, offset]));
      const isFresh = performance.now() - this.#committedAt < COMMIT_AGAIN_MS;
      if (offsets.length > 0 && !(isFresh && text === this.#committed)) await this.#send(offsets, text);
    }
    this.#isSending = false;
  }

  async #send(offsets: readonly GroupOffset[], text: string): Promise<void> {
    try {
      await this.#group.commit(offsets);
      this.#committed = text;
      this.#committedAt = performance.now();
      this.#failing = false;
    } catch (error) {
      // Told once until it works again: it would be so at every batch.
      if (!this.#failing) {
        const { name } = this.#group;
        const what = `Offsets were not committed to the Kafka group "${name}": ${messageOf(error).replace(/\.$/, "")}.`;
        this.#warn({ err: error, group: name }, `${what} The stream goes on.`);
      }
      this.#failing = true;
    }
  }
}
