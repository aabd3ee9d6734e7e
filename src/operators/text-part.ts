import { closeSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { makeDirectories } from "../model/directories.ts";
import { messageOf } from "../model/error-transfer.ts";
import { MillraceError } from "../model/errors.ts";
import type { TaskContext } from "../model/plan.ts";
import type { Partition } from "./partition.ts";

/** Text that waits to be written together. */
const WRITE_AT = 64 * 1024;

/**
 * Writes one partition as a file of lines. @throws SINK_FAILED, and what reading the values throws: then what was there before stays
 */
export async function writeTextPart(
  directory: string,
  values: Partition<unknown>,
  { partition, attempt }: Pick<TaskContext, "partition" | "attempt">,
): Promise<void> {
  await makeDirectories(directory, mkdir).catch((error) => {
    throw cannotBeWritten(directory, error);
  });
  const part = new TextPart(directory, partition, attempt);
  try {
    for await (const chunk of values.chunks()) for (const value of chunk) part.write(value);
  } catch (error) {
    part.discard();
    throw error;
  }
  part.finish();
}

/** `part-00000`, under a hidden name until it is whole. What was there before is replaced at once. */
class TextPart {
  readonly #path: string;
  readonly #hidden: string;
  readonly #file: number;
  #waiting = "";

  /** @throws SINK_FAILED, as all that follows */
  constructor(directory: string, partition: number, attempt: number) {
    const name = `part-${String(partition).padStart(5, "0")}`;
    this.#path = join(directory, name);
    // A driver that was replaced may still be at it.
    this.#hidden = join(directory, `.${name}.${process.pid}-${attempt}`);
    this.#file = this.#try(() => openSync(this.#hidden, "w"));
  }

  /** A text as it is, anything else as JSON. */
  write(value: unknown): void {
    this.#waiting += typeof value === "string" ? `${value}\n` : `${JSON.stringify(value) ?? "null"}\n`;
    if (this.#waiting.length >= WRITE_AT) this.#flush();
  }

  finish(): void {
    this.#flush();
    this.#try(() => {
      closeSync(this.#file);
      renameSync(this.#hidden, this.#path);
    });
  }

  /** Leaves what was there before. */
  discard(): void {
    this.#try(() => {
      closeSync(this.#file);
      rmSync(this.#hidden, { force: true });
    });
  }

  #flush(): void {
    const bytes = Buffer.from(this.#waiting);
    this.#waiting = "";
    this.#try(() => {
      for (let written = 0; written < bytes.length; ) written += writeSync(this.#file, bytes, written);
    });
  }

  #try<R>(work: () => R): R {
    try {
      return work();
    } catch (error) {
      throw cannotBeWritten(this.#path, error);
    }
  }
}

function cannotBeWritten(path: string, error: unknown): MillraceError {
  return new MillraceError("SINK_FAILED", `${path} cannot be written: ${messageOf(error)}`, {
    hint: "Look at the directory's permissions and at the space that is left. The part is written again when the task is.",
    cause: error,
  });
}
