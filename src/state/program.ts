import type { Time } from "../model/duration.ts";
import type { OperatorName, Receiver } from "../operators/receiver.ts";
import type { KeyedState } from "./keyed-state.ts";

/** A sliding window in whole panes: what arrives within one pane enters and leaves every window together. */
export interface Panes {
  readonly paneMs: number;
  /** In panes. */
  readonly window: number;
  /** In panes. */
  readonly slide: number;
}

/** When a state advances. */
export interface StateBatch {
  readonly time: Time;
  /** Of the last batch before that completed; undefined for the first. */
  readonly previousTime: Time | undefined;
  /** Of a state that is new in this batch, with initial values: each value comes as `[isInitial, value]`. */
  readonly withInitial: boolean;
  /** Whether the stream whose state it is has an RDD in this batch: behind a window it has one at each slide only. */
  readonly due: boolean;
}

/** What a stateful operator does to one partition in one batch. */
export interface StateProgram<in K = never, in V = never, S = unknown, out U = unknown> {
  /** Part of the format: the state of one program is not read by another. */
  readonly kind: string;
  readonly orderedByTouch: boolean;
  /** Of a windowed aggregate. */
  readonly panes?: Panes | undefined;
  /** The chain's last link: takes the batch's pairs, changes `state`, gives what it emits to `emit`. */
  run(
    state: KeyedState<K, S>,
    batch: StateBatch,
    name: OperatorName,
    emit: (value: U) => void,
  ): Receiver<readonly [K, V]>;
}
