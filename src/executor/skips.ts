import { type PlainError, toPlainError } from "../model/error-transfer.ts";
import type { MillraceError } from "../model/errors.ts";

/** What one task has left out for one reason. Plain data: it crosses to the driver. */
export interface Skip {
  /** Of what left it out: an operator's node, or the decoders. */
  readonly by: string;
  /** Undefined for the decoders. */
  readonly operator: string | undefined;
  readonly count: number;
  readonly first: {
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
    readonly error: PlainError;
  };
}

const DECODERS = "decoders";

/** What one try of a task leaves out. Only those of the accepted try are told. */
export class Skips {
  readonly #skips = new Map<string, Skip>();

  undecodable(error: MillraceError): void {
    this.#note(DECODERS, undefined, error);
  }

  all(): readonly Skip[] {
    return [...this.#skips.values()];
  }

  #note(by: string, operator: string | undefined, error: MillraceError): void {
    const known = this.#skips.get(by);
    const { topic = "", partition = 0, offset = 0 } = error.at;
    const first = known?.first ?? { topic, partition, offset, error: toPlainError(error) };
    this.#skips.set(by, { by, operator, count: (known?.count ?? 0) + 1, first });
  }
}
