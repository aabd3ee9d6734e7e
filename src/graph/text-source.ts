import { createReadStream } from "node:fs";
import { readdir, stat, watch } from "node:fs/promises";
import { join, resolve } from "node:path";
import { messageOf } from "../model/error-transfer.ts";
import { MillraceError } from "../model/errors.ts";
import type { Slice } from "../model/plan.ts";
import type { Chunk } from "../operators/receiver.ts";
import type { PlannedSlices, ReadTask, Source, SourcePlanner } from "./source.ts";

/**
 * `ssc.textFileStream`: each batch has the files that came into a directory since the one before, each file a partition, each line a value.
 * A slice is a file's bytes as they were when the batch was planned, so that it reads the same again.
 */
export class TextFileSource implements Source<string> {
  readonly name: string;
  readonly offsets = false;
  readonly streaming = true;
  readonly fixedPartitions = undefined;
  readonly #directory: string;

  constructor(name: string, directory: string) {
    this.name = name;
    this.#directory = resolve(directory);
  }

  describe(): string {
    return `${this.name} ${this.#directory}`;
  }

  openPlanner(): SourcePlanner {
    const directory = this.#directory;
    let seen = new Set<string>();
    const isNew = ({ name }: { name: string }) => !seen.has(name);
    return {
      open: async () => {
        seen = new Set((await filesIn(directory)).map(({ name }) => name));
      },
      positions: () => [],
      plan: async (): Promise<PlannedSlices> => {
        const files = await filesIn(directory);
        const names = new Set(files.map(({ name }) => name));
        // What is gone may come again under its name.
        seen = seen.intersection(names);
        const slices = files
          .filter(isNew)
          .map(({ name, size }, partition): Slice => ({ topic: name, partition, fromOffset: 0, untilOffset: size }));
        // How many lines they have is known when they are read.
        return { slices, records: slices.length, lag: 0 };
      },
      awaitData: async (signal) => {
        const changes = watch(directory, { signal })[Symbol.asyncIterator]();
        try {
          const change = changes.next();
          // Ends by the signal at the latest; nobody may wait for it any more by then.
          change.catch(() => {});
          // What came before the watch began is no change.
          if (!(await filesIn(directory)).some(isNew)) await change;
        } catch (error) {
          throw signal.aborted ? signal.reason : error;
        } finally {
          void changes.return?.();
        }
      },
      complete: (slices) => {
        for (const { topic } of slices) seen.add(topic);
      },
      close: async () => {},
    };
  }

  async *read({ topic: name, untilOffset }: Slice, { signal, onBytes }: ReadTask): AsyncIterable<Chunk<string>> {
    if (untilOffset === 0) return;
    const file = createReadStream(join(this.#directory, name), { encoding: "utf8", end: untilOffset - 1, signal });
    let begun = "";
    for await (const text of file as AsyncIterable<string>) {
      const lines = (begun + text).split("\n");
      begun = lines.pop()!;
      yield lines.map(withoutReturn);
    }
    if (begun !== "") yield [withoutReturn(begun)];
    onBytes(untilOffset);
  }

  async closeReader(): Promise<void> {}
}

const withoutReturn = (line: string) => (line.endsWith("\r") ? line.slice(0, -1) : line);

/** The files of a directory, the oldest first; hidden ones are still being written. @throws BAD_OPTION */
async function filesIn(directory: string): Promise<{ name: string; size: number }[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile() && !/^[._]/.test(entry.name));
    const found = await Promise.all(
      files.map(async ({ name }) => {
        const { size, mtimeMs } = await stat(join(directory, name));
        return { name, size, mtimeMs };
      }),
    );
    return found.sort((a, b) => a.mtimeMs - b.mtimeMs || (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw new MillraceError("BAD_OPTION", `textFileStream cannot look into ${directory}: ${messageOf(error)}`, {
      hint: "The directory must be there before the stream starts, and be readable.",
      cause: error,
    });
  }
}
