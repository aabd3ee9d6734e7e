import { type Partition, partitionOf } from "../operators/partition.ts";

/** A long partition is not worth its memory: then the engine runs the task again, from Kafka. */
const REMEMBERED_MAX = 50_000;

/** A partition can be read once. This one remembers what has been read, up to a limit, so that a transaction can be tried again. */
export class Rereadable<T> {
  readonly #input: AsyncIterator<readonly T[]>;
  #remembered: (readonly T[])[] = [];
  #values = 0;

  constructor(partition: Partition<T>) {
    this.#input = partition.chunks()[Symbol.asyncIterator]();
  }

  get canBeReadAgain(): boolean {
    return this.#values <= REMEMBERED_MAX;
  }

  /** From the beginning: what is remembered, then what was not read yet. */
  read(): Partition<T> {
    return partitionOf(this.#chunks());
  }

  async *#chunks(): AsyncGenerator<readonly T[]> {
    yield* [...this.#remembered];
    while (true) {
      const next = await this.#input.next();
      if (next.done === true) return;
      this.#values += next.value.length;
      if (this.canBeReadAgain) this.#remembered.push(next.value);
      else this.#remembered = [];
      yield next.value;
    }
  }
}
