/** sinkContract: what it takes. That it turns red is seen in test/sinks, at sinks that promise less. */
import { test } from "node:test";
import { isStillToWrite, type OutputIdentity, type Progress, type SinkDefinition } from "millrace/sinks";
import { sinkContract } from "millrace/testing";

interface Place {
  readonly written: number[];
  readonly progress: Map<string, Progress>;
}

/** A definition that knows whose output it is by what it was opened for, and by nothing else. */
const inMemory = ({ written, progress }: Place): SinkDefinition<number, OutputIdentity> => ({
  open: async (output) => output,
  async fence({ checkpointId, output }, epoch) {
    const known = progress.get(checkpointId) ?? { seq: 0, digest: "", epoch };
    isStillToWrite({ output, epoch, seq: Number.POSITIVE_INFINITY, digest: "" }, known);
    progress.set(checkpointId, { ...known, epoch });
  },
  progress: async ({ checkpointId }) => progress.get(checkpointId),
  async commitBatch({ checkpointId }, partitions, commit) {
    const values: number[] = [];
    for (const partition of partitions) for await (const value of partition) values.push(value);
    if (!isStillToWrite(commit, progress.get(checkpointId))) return "already written";
    written.push(...values);
    const { seq, epoch, digest } = commit;
    progress.set(checkpointId, { seq, epoch, digest });
    return "written";
  },
  close: async () => {},
});

sinkContract<number, OutputIdentity>(
  (name, run) => test(`a definition that has not been through defineSink: ${name}`, run),
  async () => {
    const place: Place = { written: [], progress: new Map() };
    return { sink: inMemory(place), value: (i) => i, stored: async () => place.written };
  },
);
