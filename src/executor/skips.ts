import type { Node } from "../graph/node.ts";
import { messageOf, type PlainError, toPlainError } from "../model/error-transfer.ts";
import { MillraceError } from "../model/errors.ts";
import { type Chunk, OperatorFailure, type Receiver } from "../operators/receiver.ts";

/** What one task has left out for one reason. Plain data: it crosses to the driver. */
export interface Skip {
  /** What left it out: the node of an operator, or the decoders. */
  readonly by: string;
  /** Undefined for the decoders. */
  readonly operator: string | undefined;
  readonly count: number;
  readonly first: Place & { readonly error: PlainError };
}

type Place = ReturnType<NonNullable<Chunk<unknown>["place"]>>;

const DECODERS = "decoders";

/** What one try of a task leaves out. Only those of the accepted try are told. */
export class Skips {
  readonly #skips = new Map<string, { skip: Skip; lastOffset: number }>();
  /** The records that are on their way through the operators. */
  chunk: Chunk<unknown> | undefined;

  undecodable(error: MillraceError): void {
    const { topic = "", partition = 0, offset = 0 } = error.at;
    this.#note(DECODERS, undefined, { topic, partition, offset }, () => error);
  }

  /**
   * `onRecordError: "skip"` for one operator: a value at which its function throws goes no further here. Other branches do not notice, and
   * nor does what the function has handed on before. An operator further down has a guard of its own, so what comes up is this one's.
   */
  guard(node: Pick<Node, "id" | "name">, next: Receiver<unknown>): Receiver<unknown> {
    return {
      push: (value) => {
        try {
          next.push(value);
        } catch (error) {
          if (!this.#leavesOut(node, error)) throw error;
        }
      },
      end: () => next.end(),
    };
  }

  all(): readonly Skip[] {
    return Array.from(this.#skips.values(), ({ skip }) => skip);
  }

  /** The name tells a function of this operator from one that combines values further down. */
  #leavesOut({ id, name }: Pick<Node, "id" | "name">, error: unknown): boolean {
    if (!(error instanceof OperatorFailure) || error.operator !== name) return false;
    const place = this.chunk?.place?.();
    if (place === undefined) return false;
    this.#note(id, name, place, () => {
      const { topic, partition, offset } = place;
      const reason = messageOf(error.cause);
      return new MillraceError("TASK_FAILED", `${name} failed at ${topic}-${partition} offset ${offset}: ${reason}`, {
        hint: "The function threw; its own error is the cause. The record was left out, as onRecordError says.",
        cause: error.cause,
        at: { operator: name, ...place },
      });
    });
    return true;
  }

  /** A record counts once for each operator, also when that sees several values of it. */
  #note(by: string, operator: string | undefined, place: Place, error: () => MillraceError): void {
    const known = this.#skips.get(by);
    if (known?.lastOffset === place.offset) return;
    const first = known?.skip.first ?? { ...place, error: toPlainError(error()) };
    this.#skips.set(by, {
      skip: { by, operator, count: (known?.skip.count ?? 0) + 1, first },
      lastOffset: place.offset,
    });
  }
}
