import { type Duration, parseDuration } from "../model/duration.ts";
import { type Check, checkOptions, isBoolean, isInteger, isOneOf } from "../model/options.ts";

/** What happens when a batch has failed. */
export type FailurePolicy =
  | "stop"
  | "continue"
  | {
      /** How often the same plan runs again. @default 0 */
      readonly retry?: number | undefined;
      /** Before the first retry; doubles up to a minute. @default 1s */
      readonly backoff?: Duration | undefined;
      /** When that did not help. @default "stop" */
      readonly otherwise?: "stop" | "continue" | undefined;
      /** A job with state must say so to continue: the state never sees the batches that were abandoned. @default false */
      readonly acceptGapInState?: boolean | undefined;
    };

export interface ResolvedFailurePolicy {
  readonly retries: number;
  readonly backoffMs: number;
  readonly otherwise: "stop" | "continue";
  readonly acceptGapInState: boolean;
}

export const isFailurePolicy: Check = (value) => {
  if (value === "stop" || value === "continue") return undefined;
  if (typeof value !== "object" || value === null)
    return 'must be "stop", "continue" or { retry: 3, backoff: "1s", otherwise: "continue" }';
  checkOptions("failedBatch", value, {
    retry: isInteger(1, 1_000_000),
    backoff: (backoff) => void parseDuration(backoff, "failedBatch.backoff", { minMs: 1 }),
    otherwise: isOneOf("stop", "continue"),
    acceptGapInState: isBoolean,
  });
  return undefined;
};

export function resolveFailurePolicy(given: FailurePolicy = "stop"): ResolvedFailurePolicy {
  const {
    retry = 0,
    backoff = "1s",
    otherwise = "stop",
    acceptGapInState = false,
  } = typeof given === "string" ? { otherwise: given } : given;
  return {
    retries: retry,
    backoffMs: parseDuration(backoff, "failedBatch.backoff"),
    otherwise,
    acceptGapInState,
  };
}
