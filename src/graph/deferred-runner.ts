import type { Time } from "../model/duration.ts";
import type { MillraceError } from "../model/errors.ts";
import type { OffsetRange } from "../model/offset-range.ts";
import type { Action, ActionRunner, GraphRunner } from "./action.ts";
import type { Node } from "./node.ts";

/** RDDs are made before there is anything to run them on; whoever starts sets the target. */
export class DeferredRunner implements GraphRunner {
  target: GraphRunner;

  constructor(target: GraphRunner) {
    this.target = target;
  }

  run(node: Node, action: Action): Promise<unknown[]> {
    return this.target.run(node, action);
  }

  iterate(node: Node): AsyncIterableIterator<unknown> {
    return this.target.iterate(node);
  }

  numPartitions(node: Node): number {
    return this.target.numPartitions(node);
  }

  offsetRanges(node: Node): readonly OffsetRange[] {
    return this.target.offsetRanges(node);
  }

  slice(node: Node, from: Time, to: Time): readonly ActionRunner[] {
    return this.target.slice(node, from, to);
  }
}

/** Refuses every action, where there is code that waits for it and so hears of it. */
export function refusingRunner(refusal: () => MillraceError): GraphRunner {
  const refuse = (): never => {
    throw refusal();
  };
  return { run: async () => refuse(), iterate: refuse, numPartitions: refuse, offsetRanges: refuse, slice: refuse };
}
