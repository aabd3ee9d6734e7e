import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { assert, MillraceError } from "../model/errors.ts";
import { type Check, checkOptions, isFunction, isText } from "../model/options.ts";
import { defineSink, type OutputIdentity, type Sink } from "../operators/sink.ts";
import { onDisk } from "./files-disk.ts";
import { encodedBy, type FileFormat, jsonLines } from "./files-format.ts";
import { epochFolder, folderOf, Manifest, progressOf } from "./files-manifest.ts";
import { type ManifestPart, writePart } from "./files-part.ts";

export interface FilesOptions<T> {
  /** On a local disk; made when there is none. Several outputs and jobs may share it. */
  readonly directory: string | URL;
  /** Of each value its line, or bytes that are written as they are; the files end in `.txt`. @default one line of JSON */
  readonly encode?: ((value: T) => string | Uint8Array) | undefined;
  /** Instead of `encode`: a file as a whole, and its ending. @default jsonLines() */
  readonly format?: FileFormat<T> | undefined;
}

/**
 * Files of a directory, one per partition of a batch that has values. Tasks write them in parallel; they do not count until the driver lists the
 * whole batch in the manifest, durably and in one step. Read them with {@link publishedBatches}.
 * @throws BAD_OPTION
 */
export function files<T>(options: FilesOptions<T>): Sink<T> {
  checkOptions("files", options, { directory: isDirectory, encode: isFunction, format: isFormat });
  if (options.directory === undefined) {
    throw new MillraceError("BAD_OPTION", `files needs "directory".`, { hint: "files({ directory })" });
  }
  if (options.encode !== undefined && options.format !== undefined) {
    throw new MillraceError("BAD_OPTION", `files: "encode" and "format" both say how values are written.`, {
      hint: "Keep one of them.",
    });
  }
  const directory = resolve(options.directory instanceof URL ? fileURLToPath(options.directory) : options.directory);
  const format = options.format ?? (options.encode ? encodedBy(options.encode) : jsonLines<T>());
  return defineSink<T, Manifests>({
    open: async () => new Manifests(directory),
    fence: (manifests, epoch, _, output) => manifests.fence(output, epoch),
    progress: (_, output) => onDisk(directory, () => progressOf(directory, output)),
    writePartition(_, partition, commit) {
      return writePart(join(directory, folderOf(commit), epochFolder(commit.epoch)), partition, commit, format);
    },
    publishBatch: (manifests, parts, commit) =>
      onDisk(directory, () =>
        manifests.of(commit).publish(
          (parts as (ManifestPart | null)[]).filter((part) => part !== null),
          commit,
        ),
      ),
    close: (manifests) => manifests.close(),
  });
}

/** Those that this driver has taken over. Executors have none. */
class Manifests {
  readonly #directory: string;
  readonly #open = new Map<string, Manifest>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  async fence(output: OutputIdentity, epoch: number): Promise<void> {
    const known = this.#open.get(folderOf(output));
    if (known?.epoch === epoch) return;
    const manifest = await onDisk(this.#directory, () => Manifest.open(this.#directory, output, epoch));
    this.#open.set(folderOf(output), manifest);
    await known?.close();
  }

  of(output: OutputIdentity): Manifest {
    const manifest = this.#open.get(folderOf(output));
    assert(manifest !== undefined, `output ${output.output} is published before older drivers were fenced`);
    return manifest;
  }

  async close(): Promise<void> {
    for (const manifest of this.#open.values()) await manifest.close();
  }
}

const isDirectory: Check = (value) =>
  (value instanceof URL && value.protocol === "file:") || isText(value) === undefined
    ? undefined
    : "must be the path or the file: URL of a directory";

const isFormat: Check = (value) => {
  const { extension, encode } = (value ?? {}) as Partial<FileFormat<unknown>>;
  return typeof encode === "function" && /^\w+$/.test(String(extension))
    ? undefined
    : 'must have an "extension" and the function "encode"';
};
