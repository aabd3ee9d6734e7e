import type { World } from "../checkpoint/world.ts";
import type { NodeOf } from "../graph/node.ts";
import { askBrokers, type StopSignals } from "./ask-brokers.ts";
import type { Stream } from "./plan-batch.ts";
import { refuseUnrepeatable } from "./streams.ts";

/**
 * Asks the brokers where each stream stands, and with a checkpoint whether its windows can be read again.
 * @throws stoppedWhileWaiting, and what brokers refuse
 */
export function openStreams(
  streams: readonly Stream[],
  { positions }: Pick<World, "positions">,
  windowsReadAgain: readonly NodeOf<"window">[],
  stop: StopSignals,
): Promise<void> {
  return askBrokers(stop, async (signal) => {
    const open = async ({ source, planner }: Stream) => planner.open(signal, positions?.[source.name]);
    await allOrFirstFailure(streams.map(open));
    await refuseUnrepeatable(streams, windowsReadAgain, signal);
  });
}

/** Waits for all, then throws the first failure: nothing is still starting when this returns. */
export async function allOrFirstFailure(promises: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(promises);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}
