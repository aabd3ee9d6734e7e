import type { OffsetRange } from "../model/offset-range.ts";
import type { Action, ActionRunner } from "./action.ts";
import type { Node } from "./node.ts";

/** RDDs are made before there is anything to run them on; whoever starts sets the target. */
export class DeferredRunner implements ActionRunner {
  target: ActionRunner;

  constructor(target: ActionRunner) {
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
}
