import { messageOf } from "../model/error-transfer.ts";
import { MillraceError } from "../model/errors.ts";
import type { Logger } from "../model/events.ts";
import { OperatorFailure } from "../operators/receiver.ts";
import { targetOf } from "../shuffle/movement.ts";
import { reshard } from "../state/reshard.ts";
import type { Journal } from "./journal.ts";
import { type LookingBack, withOtherCounts } from "./look-back.ts";

/**
 * Deals these states out anew by the partitioner, before the first batch. One entry of the checkpoint makes them count: a driver that dies before it leaves
 * all of them as they were.
 * @throws STATE_DIFFERS, TASK_FAILED when a partitioner throws
 */
export async function reshardStates(journal: Journal, back: LookingBack, logger: Logger | undefined): Promise<void> {
  const others = withOtherCounts(back, journal.world);
  if (others.length === 0) return;
  const dealtOut = others.map(({ node, before, numPartitions }) => {
    const { stateName, program, partitioner, name } = node;
    const dealing = reshard(partitionsOf(journal, stateName, before), {
      identity: { name: stateName, kind: program.kind },
      orderedByTouch: program.orderedByTouch,
      numPartitions,
      target: (key) => targetOf(key, numPartitions, partitioner, name),
    });
    return [stateName, dealing] as const;
  });
  try {
    await journal.reshard(Object.fromEntries(dealtOut));
  } catch (error) {
    throw error instanceof OperatorFailure ? partitionerFailed(error) : error;
  }
  for (const { node, before, numPartitions } of others) {
    const message = `the state "${node.stateName}" had ${before} partitions; its keys are dealt out anew over ${numPartitions}`;
    logger?.info({ state: node.stateName, before, numPartitions }, message);
  }
}

async function* partitionsOf(journal: Journal, name: string, count: number): AsyncGenerator<readonly Uint8Array[]> {
  for (let partition = 0; partition < count; partition++) yield await journal.readState(name, partition);
}

function partitionerFailed({ operator, cause }: OperatorFailure): MillraceError {
  return new MillraceError("TASK_FAILED", `${operator} failed: ${messageOf(cause)}`, {
    hint: "The partitioner threw at a key of the state, which is as it was. Its own error is the cause.",
    cause,
    at: { operator },
  });
}
