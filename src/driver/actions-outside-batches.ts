import type { GraphRunner } from "../graph/action.ts";
import { MillraceError } from "../model/errors.ts";
import type { Driver } from "./driver.ts";

/** The slices of streams, and the actions of RDDs that a script or `onDriver` holds: they run when the driver has started. */
export function actionsOutsideBatches(driver: Driver): GraphRunner {
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
