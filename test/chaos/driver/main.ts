/** A driver that the harness starts and strikes: `millrace run` with named points in its checkpoint and its sinks. */
import type { BatchInfo } from "millrace";
import { LocalDiskStore } from "../../../src/checkpoint/local-disk.ts";
import { exitCodeOf } from "../../../src/cli/exit-code.ts";
import { MillraceError } from "../../../src/model/errors.ts";
import { runJob } from "../../../src/run-job.ts";
import { faultDisk } from "../../helpers/fault-disk.ts";
import type { ChaosParams } from "./job.ts";
import { withStorePoints } from "./store-points.ts";
import { type Strike, Striker } from "./striker.ts";

export interface DriverRun {
  readonly params: ChaosParams;
  readonly checkpointDirectory: string;
  /** Reads what there is, then ends. */
  readonly toTheEnd: boolean;
}

/** Told to the harness. */
export type DriverMessage = { readonly seq: number; readonly records: number; readonly succeeded: boolean };

const { params, checkpointDirectory, toTheEnd } = JSON.parse(process.argv[2]!) as DriverRun;
const striker = new Striker((JSON.parse(params.strike) as Strike | null) ?? undefined);

const tell = ({ seq, inputs, outputs }: BatchInfo) => {
  const message: DriverMessage = {
    seq,
    records: inputs.reduce((sum, { records }) => sum + records, 0),
    succeeded: outputs.every(({ duration, failure }) => duration !== undefined && failure === undefined),
  };
  process.send?.(message);
};

try {
  const running = await runJob<ChaosParams>(new URL("./job.ts", import.meta.url), {
    params,
    master: "local[2]",
    trigger: toTheEnd ? "availableNow" : "interval",
    listeners: [{ onBatchCompleted: tell }],
    handleSignals: true,
    openStore: async () => {
      const files = faultDisk(checkpointDirectory, (step) => striker.reachDisk(step));
      return withStorePoints(await LocalDiskStore.open(checkpointDirectory, files), striker);
    },
  });
  await running.awaitTermination();
} catch (error) {
  if (!MillraceError.is(error)) throw error;
  process.stderr.write(`${error.code}: ${error.message}\n`);
  process.exitCode = exitCodeOf(error);
}
process.disconnect?.();
