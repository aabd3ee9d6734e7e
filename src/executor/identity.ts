import { isMainThread, workerData } from "node:worker_threads";
import type { ThreadData } from "./protocol.ts";

/** What a thread of ours was started with; undefined in any other thread. */
export const threadData: ThreadData | undefined = isMainThread
  ? undefined
  : (workerData as { millrace?: ThreadData } | null)?.millrace;

/** Undefined on the driver. For the rare module-level code that must run on one side only. */
export const executorId: number | undefined = threadData?.executorId;
