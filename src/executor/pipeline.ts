import type { Step } from "../graph/batch-graph.ts";
import type { TaskContext } from "../model/plan.ts";
import { ownCode } from "../operators/own-code.ts";
import { type Chunk, enough, type OperatorName, type Receiver, type RecordPlace } from "../operators/receiver.ts";
import { Bridge } from "./bridge.ts";
import type { Skips } from "./skips.ts";

/** From a leaf's records to all consumers of a task: composed once, run per record. */

/** The ways of all consumers, with what they share made common. */
export interface Branch {
  readonly receivers: Receiver<unknown>[];
  readonly bridges: Bridge<unknown>[];
  /** By node and partition: a union of a stream with itself is passed once for each of them. */
  readonly children: Map<string, Child>;
}

interface Child extends Step {
  readonly branch: Branch;
}

export const newBranch = (): Branch => ({ receivers: [], bridges: [], children: new Map() });

/** The branch at the end of `through`; nodes that are on the way of other consumers too are passed once. */
export function branchAt(root: Branch, through: readonly Step[]): Branch {
  let branch = root;
  for (const step of through) {
    const place = `${step.node.id}:${step.partition}`;
    let child = branch.children.get(place);
    if (child === undefined) {
      child = { ...step, branch: newBranch() };
      branch.children.set(place, child);
    }
    branch = child.branch;
  }
  return branch;
}

/** A composed chain. `bridges` are those it feeds directly: after each chunk they are flushed. */
export interface Chain {
  readonly receiver: Receiver<unknown>;
  readonly bridges: readonly Bridge<unknown>[];
  /** Whether anything but bridges wants the values. */
  readonly direct: boolean;
}

/** The parts of a task that run at the same time. The first to fail ends the others. */
export class Flow {
  readonly #parts: Promise<void>[] = [];
  readonly #bridges: Bridge<unknown>[] = [];
  readonly #controller = new AbortController();
  readonly signal: AbortSignal;
  readonly #aborted = () => this.#fail(this.signal.reason);
  #failure: { readonly error: unknown } | undefined;

  constructor(signal: AbortSignal) {
    this.signal = AbortSignal.any([signal, this.#controller.signal]);
    this.signal.addEventListener("abort", this.#aborted, { once: true });
  }

  start(part: () => Promise<void>): void {
    this.#parts.push(part().catch((error) => this.#fail(error)));
  }

  bridge(): Bridge<unknown> {
    const bridge = new Bridge<unknown>();
    this.#bridges.push(bridge);
    return bridge;
  }

  /** Waits for every part, also after a failure, so that nothing of a task outlives it. */
  async finish(): Promise<void> {
    for (let done = 0; done < this.#parts.length; done++) await this.#parts[done];
    // A combined signal with a listener is never collected.
    this.signal.removeEventListener("abort", this.#aborted);
    if (this.#failure) throw this.#failure.error;
    this.signal.throwIfAborted();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#controller.abort(error);
    for (const bridge of this.#bridges) bridge.fail(error);
  }
}

/** @param skips When values at which a function throws are left out. Holds as long as each value comes from one record. */
export function compose(branch: Branch, flow: Flow, contextOf: (step: Step) => TaskContext, skips?: Skips): Chain {
  const receivers = [...branch.receivers];
  const bridges = [...branch.bridges];
  let direct = receivers.length > 0;
  for (const child of branch.children.values()) {
    const { node } = child;
    const task = contextOf(child);
    const ofOneRecord = node.kind === "narrow" && node.operator.perRecord ? skips : undefined;
    const chain = compose(child.branch, flow, contextOf, ofOneRecord);
    if (node.kind === "narrow") {
      const receiver = node.operator.bind(chain.receiver, node.name, task) as Receiver<unknown>;
      receivers.push(ofOneRecord === undefined ? receiver : ofOneRecord.guard(node, receiver));
      bridges.push(...chain.bridges);
      direct ||= chain.direct;
    } else {
      const bridge = flow.bridge();
      bridges.push(bridge);
      receivers.push(bridge);
      flow.start(async () => {
        await pump(node.operator.run(bridge as AsyncIterable<never[]>, node.name, task), chain, flow, node.name);
        // An operator that ends before its input does has seen enough: nobody waits for it to take more.
        bridge.abandon();
      });
    }
  }
  for (const bridge of branch.bridges) receivers.push(bridge);
  return { receiver: fanOut(receivers), bridges, direct };
}

/** Gives every value to all. Who has enough is left out from then on; when all have, so has the whole. */
function fanOut(receivers: readonly Receiver<unknown>[]): Receiver<unknown> {
  if (receivers.length === 1) return receivers[0]!;
  let wanting = receivers;
  const leave = (receiver: Receiver<unknown>, thrown: unknown) => {
    if (thrown !== enough) throw thrown;
    wanting = wanting.filter((other) => other !== receiver);
    if (wanting.length === 0) throw enough;
  };
  return {
    ...(receivers.every(({ countsOnly }) => countsOnly) && { countsOnly: true }),
    push: (value) => {
      for (const receiver of wanting) {
        try {
          receiver.push(value);
        } catch (thrown) {
          leave(receiver, thrown);
        }
      }
    },
    end: () => {
      for (const receiver of wanting) {
        try {
          receiver.end();
        } catch (thrown) {
          leave(receiver, thrown);
        }
      }
    },
  };
}

/** Drives a chain with the chunks of `origin` until they end, the chain has enough, or nobody listens any more. */
export async function pump(
  chunks: AsyncIterable<Chunk<unknown>> | Iterable<Chunk<unknown>>,
  { receiver, bridges, direct }: Chain,
  flow: Flow,
  origin: OperatorName,
): Promise<void> {
  // Bound, so that V8 keeps it apart: made a part of this function, which is called once a task, its loop would never be optimized fully.
  const push = ownPushAll(origin).bind(undefined, receiver);
  const wanted = () => direct || bridges.some((bridge) => !bridge.abandoned);
  try {
    for await (const chunk of chunks) {
      push(chunk);
      for (const bridge of bridges) await bridge.flush();
      flow.signal.throwIfAborted();
      if (!wanted()) break;
    }
    receiver.end();
  } catch (error) {
    if (error !== enough) throw error;
  }
  for (const bridge of bridges) await bridge.close();
}

/** The records of a source and what comes out of a shuffle go different ways. */
const ownPushAll = ownCode(
  (failed: typeof failedAt) =>
    function pushAll(receiver: Receiver<unknown>, chunk: Chunk<unknown>): void {
      try {
        // The loop is no method of the chunk: V8 would make it a part of this function, and run it half optimized until the 3,000th call.
        const { length } = chunk;
        for (let index = 0; index < length; index++) receiver.push(chunk.at(index));
      } catch (error) {
        throw failed(error, chunk);
      }
    },
  failedAt,
);

/** An error and the record at which it came up. */
export class Located extends Error {
  readonly place: RecordPlace;
  constructor(cause: unknown, place: RecordPlace) {
    super("failed at a record", { cause });
    this.place = place;
  }
}

function failedAt(error: unknown, chunk: Chunk<unknown>): unknown {
  const place = error === enough ? undefined : chunk.place?.();
  return place === undefined || error instanceof Located ? error : new Located(error, place);
}
