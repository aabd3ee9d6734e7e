import { AsyncLocalStorage } from "node:async_hooks";
import type { ActionRunner } from "../graph/action.ts";
import type { Node, NodeOf } from "../graph/node.ts";
import type { Time } from "../model/duration.ts";
import { MillraceError } from "../model/errors.ts";
import type { BatchPlan } from "../model/plan.ts";
import type { BatchRun } from "./batch-run.ts";
import { type LookingBack, windowsBehind, within } from "./look-back.ts";
import type { Stream } from "./plan-batch.ts";
import { type RereadParts, SlicedBatch } from "./sliced-batch.ts";

/** The batch whose function runs on the driver, through all that the function awaits. */
const ofBatch = new AsyncLocalStorage<BatchRun>();

export function runInBatch<R>(run: BatchRun, f: () => R): R {
  return ofBatch.run(run, f);
}

export interface SliceParts extends RereadParts {
  readonly back: LookingBack;
  readonly streams: readonly Stream[];
  /** Where actions run that belong to no batch. */
  readonly outside: BatchRun;
}

/** What a stream was in earlier batches. Their plans are remembered, and nothing else: whoever asks reads them again. */
export class Slices {
  readonly #parts: SliceParts;

  constructor(parts: SliceParts) {
    this.#parts = parts;
  }

  /** @throws BAD_OPTION, NOT_REMEMBERED, ACTION_AFTER_BATCH */
  of(node: Node, from: Time, to: Time): readonly ActionRunner[] {
    const { journal, back, options, outside } = this.#parts;
    const run = ofBatch.getStore() ?? outside;
    run.turns.refuseAfterEnd();
    checkTimes(from, to);
    // With the other triggers batches have no ticks.
    const tickMs = options.trigger === "interval" ? options.batchIntervalMs : 1;
    const first = Math.floor(from / tickMs) * tickMs;
    const isAsked = ({ batchTime }: BatchPlan) => batchTime >= first && batchTime <= to;
    const remembered = within(journal.world, back.sliceMs);
    const behind = new Behind(node, this.#parts);

    const forgotten = remembered.length > 0 ? remembered[0]!.previousTime : journal.world.completeTime;
    if (first <= to && lastBefore(forgotten) >= first) throw notRemembered(node, back.sliceMs, first);
    const asked = remembered.filter((plan) => isAsked(plan) && behind.isIn(plan));
    if (asked.length > 0) behind.refuseState(node);
    const runners: ActionRunner[] = asked.flatMap((plan) => this.#sliced(node, plan, behind, run));
    if (run === outside || !isAsked(run.plan)) return runners;
    const now = behind.isKeptUp ? [run].filter((own) => own.isDue(node)) : this.#sliced(node, run.plan, behind, run);
    return [...runners, ...now];
  }

  /** None between two slides of a window: there the stream has no RDD. */
  #sliced(node: Node, plan: BatchPlan, behind: Behind, run: BatchRun): SlicedBatch[] {
    const { earlier, completeTime } = this.#parts.journal.world;
    const seen = earlier.filter(({ seq, batchTime }) => seq < plan.seq && batchTime > plan.batchTime - behind.windowMs);
    const since = plan.batchTime - behind.windowMs;
    const forgotten = earlier.length > 0 ? earlier[0]!.previousTime : completeTime;
    const sliced = new SlicedBatch(this.#parts, run, behind.windows, plan, seen);
    if (!sliced.isDue(node)) return [];
    if (behind.windowMs > 0 && lastBefore(forgotten) > since) {
      throw notRemembered(node, this.#parts.back.sliceMs, since);
    }
    return [sliced];
  }
}

/** All that a stream is computed from. */
class Behind {
  readonly windows: readonly NodeOf<"window">[];
  /** How far its windows look back. */
  readonly windowMs: number;
  readonly #states: readonly NodeOf<"state">[];
  readonly #sources: readonly string[];
  readonly #back: LookingBack;

  /** @throws NOT_REMEMBERED for a stream that no batch of this run reads */
  constructor(node: Node, { back, streams }: SliceParts) {
    const found = windowsBehind([node]);
    const nodes = [...found.keys()];
    this.#back = back;
    this.windowMs = found.get(node)!;
    // Parents come first: a window of a window is filled after it.
    this.windows = nodes.filter((one) => one.kind === "window");
    this.#states = nodes.filter((one) => one.kind === "state");
    this.#sources = nodes.flatMap((one) => (one.kind === "source" && one.source.streaming ? [one.source.name] : []));
    const unread = this.#sources.find((name) => !streams.some(({ source }) => source.name === name));
    const still = this.#states.find((state) => !back.states.includes(state));
    if (unread === undefined && still === undefined) return;
    const what = unread === undefined ? `the state "${still!.stateName}"` : `the stream "${unread}"`;
    throw new MillraceError(
      "NOT_REMEMBERED",
      `${node.name} was asked for, but no output uses ${what}, so no batch has it.`,
      {
        hint: "Give the stream an output, for example foreachRDD(() => {}).",
        at: { operator: node.name },
      },
    );
  }

  /** Whether every batch computes what it needs of its windows. */
  get isKeptUp(): boolean {
    return this.windows.every((window) => this.#back.windows.includes(window));
  }

  /** Whether the stream was there: a job may have got it since. */
  isIn({ slices }: BatchPlan): boolean {
    return this.#sources.every((name) => slices[name] !== undefined);
  }

  refuseState(node: Node): void {
    const [state] = this.#states;
    if (state === undefined) return;
    throw new MillraceError(
      "NOT_REMEMBERED",
      `An earlier batch of ${node.name} was asked for, but what ${state.name} gave then is gone: its state "${state.stateName}" has moved on.`,
      {
        hint: "Slice the stream before the state, or keep in foreachRDD what the stream gives. Of the batch under way a slice has it.",
        at: { operator: state.name },
      },
    );
  }
}

function checkTimes(from: Time, to: Time): void {
  if (Number.isFinite(from) && Number.isFinite(to)) return;
  throw new MillraceError(
    "BAD_OPTION",
    `slice takes two batch times in milliseconds; it got ${String(from)} and ${String(to)}.`,
    {
      hint: "For example stream.slice(time - 60_000, time), where foreachRDD gives the time.",
    },
  );
}

/** The time of the last batch that is forgotten, if any is. */
const lastBefore = (time: Time | null | undefined): number => time ?? Number.NEGATIVE_INFINITY;

function notRemembered(node: Node, sliceMs: number, time: Time): MillraceError {
  const why =
    sliceMs === 0
      ? "no batch is remembered"
      : `batches are remembered for ${sliceMs} ms, and one of these is no longer`;
  return new MillraceError(
    "NOT_REMEMBERED",
    `${node.name} was asked for from ${new Date(time).toISOString()} on, but ${why}.`,
    {
      hint: 'Say in the build function how long batches are to be remembered: ssc.remember("10m"). Those before it are not.',
      at: { operator: node.name },
    },
  );
}
