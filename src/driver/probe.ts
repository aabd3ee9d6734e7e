import type { Output } from "../graph/node.ts";

/** The places between the steps of a batch, at each of which a driver can die. */
export type Border = "before plan" | "after plan" | "after tasks" | "after outputs" | "after completion";

/** How a test watches a driver and holds it. A driver that is not under test has none. */
export interface DriverProbe {
  /** The batch goes on when this resolves. A batch that an earlier driver has planned comes to "after plan" first. */
  atBorder(border: Border, force: AbortSignal): Promise<void>;
  /** What an output with a name got in a batch. No sink is written to. */
  onOutput(output: Output, seq: number, values: readonly unknown[]): void;
}

interface Probed {
  readonly probe?: DriverProbe | undefined;
  readonly force: AbortSignal;
}

export async function atBorder(border: Border, { probe, force }: Probed): Promise<void> {
  if (probe === undefined) return;
  await probe.atBorder(border, force);
  force.throwIfAborted();
}
