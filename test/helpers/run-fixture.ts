import {
  type BatchInfo,
  type MillraceError,
  type RecordsSkipped,
  type RunOptions,
  runJob,
  type TaskFailure,
} from "millrace";

/** What listeners were told while a job ran, and how it ended. */
export interface Run {
  readonly failures: readonly TaskFailure[];
  readonly lost: readonly { executorId: number; error: MillraceError }[];
  readonly batches: readonly BatchInfo[];
  readonly skipped: readonly RecordsSkipped[];
  /** What awaitTermination rejected with. */
  readonly error: (Error & Partial<MillraceError>) | undefined;
}

export const fixture = (name: string): URL => new URL(`../fixtures/jobs/${name}`, import.meta.url);

/** Runs a job module of test/fixtures/jobs to its end. Rejects only when it cannot start. */
export async function runFixture<P>(name: string, options: RunOptions<P>): Promise<Run> {
  const failures: TaskFailure[] = [];
  const lost: { executorId: number; error: MillraceError }[] = [];
  const batches: BatchInfo[] = [];
  const skipped: RecordsSkipped[] = [];
  const running = await runJob<P>(fixture(name), options);
  running.addStreamingListener({
    onTaskFailed: (event) => failures.push(event),
    onExecutorLost: (event) => lost.push(event),
    onRecordsSkipped: (event) => skipped.push(event),
    onBatchCompleted: (info) => batches.push(info),
  });
  const error = await running.awaitTermination().then(
    () => undefined,
    (error: Error) => error,
  );
  return { failures, lost, batches, skipped, error };
}
