/** What a listener still sends, a log that is still written: more than enough for it, and short beside a supervisor's pauses. */
const PATIENCE_MS = 5_000;

/**
 * Ends this process with `code` also where something is left open that would keep Node running: a server or a timer of the job's module, a function
 * that did not heed its signal. Nothing of millrace is, and a process that goes on after its job has ended is one that no supervisor
 * starts again.
 */
export function endProcess(code: number, { atOnce = false } = {}): void {
  process.exitCode = code;
  const end = () => {
    if (!atOnce) process.stderr.write(`${complaint()}\n`);
    process.exit(code);
  };
  // It keeps nothing running itself: where all is closed, Node ends before.
  setTimeout(end, atOnce ? 0 : PATIENCE_MS).unref();
}

/** As Node calls what this process reads and writes: open to the end, and keeping nothing running. */
const STANDARD_STREAMS: readonly string[] = ["PipeWrap", "TTYWrap"];

function complaint(): string {
  const kinds = process.getActiveResourcesInfo().filter((kind) => !STANDARD_STREAMS.includes(kind));
  const open = Object.entries(Object.groupBy(kinds, (kind) => kind))
    .map(([kind, all]) => (all!.length === 1 ? kind : `${all!.length} ${kind}`))
    .join(", ");
  return `The job has ended, but its module keeps this process running (${open}): the process is ended.
  Close what it opens: by a resource, or when the signal of onDriver is aborted.`;
}
