import type { ActionRunner, GraphRunner } from "../graph/action.ts";
import type { Node } from "../graph/node.ts";
import type { Time } from "../model/duration.ts";
import { MillraceError } from "../model/errors.ts";

interface Runners {
  readonly outsideBatches: ActionRunner;
  slice(node: Node, from: Time, to: Time): readonly ActionRunner[];
}

/** The slices of streams, and the actions of RDDs that a script or `onDriver` holds: they run when the driver has started. */
export function actionsOutsideBatches(driver: Runners): GraphRunner {
  return {
    run: async (node, action) => driver.outsideBatches.run(node, action),
    iterate: (node) => driver.outsideBatches.iterate(node),
    numPartitions: (node) => driver.outsideBatches.numPartitions(node),
    offsetRanges: (node) => driver.outsideBatches.offsetRanges(node),
    slice: (node, from, to) => driver.slice(node, from, to),
  };
}

export function askedBeforeStart(): MillraceError {
  return new MillraceError("WRONG_STATE", "An RDD was asked for its data before the executors were started.", {
    hint: "Ask inside onDriver, or after `await ssc.start()`.",
  });
}
