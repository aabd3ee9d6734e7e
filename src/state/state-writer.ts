import type { TaskContext } from "../model/plan.ts";
import type { OperatorName } from "../operators/receiver.ts";
import { type BlockReceiver, stay } from "../shuffle/movement.ts";
import type { KeyedState } from "./keyed-state.ts";
import type { StateBatch, StateProgram } from "./program.ts";

/** The last link of a task that advances a state: what its program emits stays in its partition, as blocks. */
export function stateWriter<K, V, S, U>(
  program: StateProgram<K, V, S, U>,
  state: KeyedState<K, S>,
  batch: StateBatch,
  name: OperatorName,
  task: TaskContext,
): BlockReceiver<readonly [K, V]> {
  const emitted = stay<U>().write(name, task.numPartitions, task);
  const run = program.run(state, batch, name, (value) => emitted.push(value));
  // What has no RDD has no values, not even a count of nothing.
  const wanted = batch.due || batch.withInitial;
  return {
    push: wanted ? (pair) => run.push(pair) : () => {},
    end: () => {
      run.end();
      emitted.end();
    },
    blocks: () => emitted.blocks(),
  };
}
