import type { ExecutorPool } from "../executor/pool.ts";
import type { JobContext } from "../graph/job-context.ts";
import type { ResolvedOptions } from "../job/options.ts";
import type { Clock } from "../model/clock.ts";
import type { Broadcasts } from "./broadcasts.ts";
import type { DriverSinks } from "./driver-sinks.ts";
import type { FixedSources } from "./fixed-sources.ts";
import type { Journal } from "./journal.ts";
import type { ListenerBus } from "./listener-bus.ts";
import type { LookingBack } from "./look-back.ts";
import type { Stream } from "./plan-batch.ts";
import type { DriverProbe } from "./probe.ts";
import type { Trigger } from "./trigger.ts";
import type { WindowBlocks } from "./window-blocks.ts";

/** What all batches of a driver are planned and run with. */
export interface BatchParts {
  readonly context: JobContext;
  readonly options: ResolvedOptions;
  readonly clock: Clock;
  readonly trigger: Trigger;
  readonly streams: readonly Stream[];
  readonly fixed: FixedSources;
  readonly pool: ExecutorPool;
  readonly sinks: DriverSinks;
  readonly broadcasts: Broadcasts;
  readonly bus: ListenerBus;
  readonly back: LookingBack;
  readonly windows: WindowBlocks;
  readonly graphDigest: string;
  /** Of the job's module, where it is known. */
  readonly code?: string | undefined;
  readonly journal: Journal;
  readonly probe?: DriverProbe | undefined;
  /** A graceful stop: no new batch. */
  readonly stopping: AbortSignal;
  /** A stop by force: nothing goes on. */
  readonly force: AbortSignal;
}
