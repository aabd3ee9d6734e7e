import type { NodeOf } from "../graph/node.ts";
import { assert } from "../model/errors.ts";
import type { TaskContext } from "../model/plan.ts";
import type { BlockReceiver } from "../shuffle/movement.ts";
import type { KeyedState } from "../state/keyed-state.ts";
import type { StateBatch } from "../state/program.ts";
import { decodeState, encodeChanges, encodeSnapshot, type StateIdentity } from "../state/state-codec.ts";
import { stateWriter } from "../state/state-writer.ts";
import type { StateAdvance, StateVersion } from "./protocol.ts";

interface Held {
  readonly version: string;
  readonly state: KeyedState<never, unknown>;
}

/**
 * The partitions of states that this executor holds in memory, each in the version of the last task that advanced it here. While a task
 * works on a partition nothing is held: what a failed task has changed is lost, and the next one starts from what was written.
 */
export class StateHome {
  readonly #held = new Map<string, Held>();

  /** The receiver of a task that advances one partition, and what gives its result. */
  advance(
    node: NodeOf<"state">,
    version: StateVersion,
    batch: StateBatch,
    task: TaskContext,
  ): { receiver: BlockReceiver<never>; finish(): StateAdvance } {
    const { stateName, program } = node;
    const place = `${stateName}/${task.partition}`;
    const identity = { name: stateName, kind: program.kind };
    const state = this.#take(place, version, identity, program.orderedByTouch);
    const receiver = stateWriter(program, state, batch, node.name, task);
    return {
      receiver,
      finish: () => {
        const written = version.snapshot ? encodeSnapshot(state, identity) : encodeChanges(state, identity);
        this.#held.set(place, { version: version.to, state });
        return { blocks: receiver.blocks(), written };
      },
    };
  }

  #take(
    place: string,
    { from, parts }: StateVersion,
    identity: StateIdentity,
    orderedByTouch: boolean,
  ): KeyedState<never, unknown> {
    const held = this.#held.get(place);
    this.#held.delete(place);
    if (parts !== undefined) return decodeState(parts, identity, orderedByTouch);
    assert(held?.version === from, `${place} is asked for in version ${from}, but held is ${held?.version}`);
    return held.state;
  }
}
