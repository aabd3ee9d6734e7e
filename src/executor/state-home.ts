import type { NodeOf } from "../graph/node.ts";
import { assert } from "../model/errors.ts";
import type { TaskContext } from "../model/plan.ts";
import { decodeValues, encodeValues } from "../shuffle/codec.ts";
import { type BlockReceiver, VALUES_PER_SEGMENT } from "../shuffle/movement.ts";
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

  /** Every key of a partition in the version that it has after this batch, as values that nobody else holds. */
  *snapshot({ parent }: NodeOf<"snapshots">, partition: number, version: StateVersion): Generator<unknown[]> {
    const { stateName, program } = parent;
    const identity = { name: stateName, kind: program.kind };
    const held = this.#held.get(`${stateName}/${partition}`);
    assert(version.parts !== undefined || held?.version === version.from, `${stateName}/${partition} is not held`);
    const state = version.parts ? decodeState(version.parts, identity, program.orderedByTouch) : held!.state;
    const entries = state.entries();
    for (let from = 0; from < entries.length; from += VALUES_PER_SEGMENT) {
      const some = entries.slice(from, from + VALUES_PER_SEGMENT).map(({ key, value }) => [key, value]);
      yield version.parts ? some : decodeValues(encodeValues(some, parent.name));
    }
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
