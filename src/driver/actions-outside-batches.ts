import type { ActionRunner } from "../graph/action.ts";
import type { Driver } from "./driver.ts";

/** The actions of RDDs that a script or `onDriver` holds: they run when the driver has started. */
export function actionsOutsideBatches(driver: Driver): ActionRunner {
  return {
    run: async (node, action) => driver.outsideBatches.run(node, action),
    iterate: (node) => driver.outsideBatches.iterate(node),
    numPartitions: (node) => driver.outsideBatches.numPartitions(node),
    offsetRanges: (node) => driver.outsideBatches.offsetRanges(node),
  };
}
