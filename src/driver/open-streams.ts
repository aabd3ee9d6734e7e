import type { World } from "../checkpoint/world.ts";
import type { NodeOf } from "../graph/node.ts";
import type { Stream } from "./plan-batch.ts";
import { refuseUnrepeatable } from "./streams.ts";

/** What brokers that are well need, and what a person who has pressed Ctrl-C does not mind. */
const ANSWER_MS = 500;

/** Thrown instead of what brokers would answer: a graceful stop came first. */
export const stoppedWhileWaiting = Symbol("stopped while waiting for brokers");

export interface StopSignals {
  readonly stopping: AbortSignal;
  readonly force: AbortSignal;
}

/**
 * Asks the brokers where each stream stands, and with a checkpoint whether its windows can be read again. After a graceful stop they are waited for
 * no longer: no batch is under way that it would finish. Brokers that are well have answered by then, and such a start comes to its end.
 * @throws stoppedWhileWaiting, and what brokers refuse
 */
export async function openStreams(
  streams: readonly Stream[],
  { positions }: Pick<World, "positions">,
  windowsReadAgain: readonly NodeOf<"window">[],
  { stopping, force }: StopSignals,
): Promise<void> {
  const patience = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const stop = () => {
    timer = setTimeout(() => patience.abort(stoppedWhileWaiting), ANSWER_MS);
  };
  if (stopping.aborted) stop();
  else stopping.addEventListener("abort", stop, { once: true });
  const signal = AbortSignal.any([force, patience.signal]);
  try {
    const open = async ({ source, planner }: Stream) => planner.open(signal, positions?.[source.name]);
    await allOrFirstFailure(streams.map(open));
    await refuseUnrepeatable(streams, windowsReadAgain, signal);
  } finally {
    clearTimeout(timer);
    stopping.removeEventListener("abort", stop);
  }
}

/** Waits for all, then throws the first failure: nothing is still starting when this returns. */
export async function allOrFirstFailure(promises: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(promises);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}
