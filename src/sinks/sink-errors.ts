import { MillraceError } from "../model/errors.ts";
import type { BatchCommit } from "../operators/sink.ts";

/** What a sink keeps for each output, or for each of its partitions: the last commit that was applied, and the newest epoch seen. */
export interface Progress {
  readonly seq: number;
  readonly epoch: number;
  readonly digest: string;
}

/**
 * Whether a commit is still to be applied, given what the sink knows. The order of the questions matters: a newer driver first.
 * @throws FENCED, PLAN_MISMATCH
 */
export function isStillToWrite(
  commit: Pick<BatchCommit, "output" | "seq" | "epoch" | "digest">,
  known: Progress | undefined,
): boolean {
  if (known === undefined) return true;
  if (known.epoch > commit.epoch) throw fencedAt(commit.output, known.epoch, commit.epoch);
  if (commit.seq > known.seq) return true;
  if (commit.seq === known.seq && commit.digest !== known.digest) {
    throw new MillraceError(
      "PLAN_MISMATCH",
      `Output "${commit.output}" already has batch ${commit.seq}, written by another plan.`,
      {
        hint: "Was a changed graph accepted when a part of the batch was written? Then run the version before until the batch is complete. Else the checkpoint and the sink do not belong together: restore both from one moment, or use a new checkpointDirectory.",
      },
    );
  }
  return false;
}

export function fencedAt(output: string, other: number, own: number): MillraceError {
  return new MillraceError(
    "FENCED",
    `Output "${output}": a driver of epoch ${other} has taken over; this one has epoch ${own}.`,
    {
      hint: "One driver per checkpoint. This one has stopped and must not be started again while the other runs.",
    },
  );
}
