import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { installKafka } from "../../dev/kafka/install.ts";
import { javaExecutable } from "../../dev/kafka/java.ts";
import { javaArguments } from "../../dev/kafka/server.ts";

export interface WrittenRecord {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [string, Uint8Array | null])[];
}

/** A batch as Kafka's own client is to write it. Without records it is what compaction leaves of one. */
export interface BatchToWrite {
  readonly codec: "none" | "gzip" | "snappy" | "lz4" | "zstd";
  readonly logAppendTime: boolean;
  /** The log append time, or that of a batch without records. */
  readonly timestamp: number;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly producerId: number;
  readonly transactional: boolean;
  readonly control: boolean;
  readonly marker?: "COMMIT" | "ABORT";
  readonly records: readonly WrittenRecord[];
}

/** A JVM that encodes batches by the code of Kafka's own producer. */
export class BatchWriter implements AsyncDisposable {
  readonly #java: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #lines: Interface;

  private constructor(java: ChildProcess) {
    this.#java = java;
    this.#lines = createInterface({ input: java.stdout! });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  static async start(): Promise<BatchWriter> {
    const kafka = await installKafka((line) => void process.stderr.write(`${line}\n`));
    const source = join(import.meta.dirname, "BatchWriter.java");
    return new BatchWriter(
      spawn(javaExecutable(), javaArguments(kafka, "start", source, []), { stdio: ["pipe", "pipe", "inherit"] }),
    );
  }

  /** Each batch as bytes, one after the other. */
  async write(batches: readonly BatchToWrite[]): Promise<Buffer> {
    this.#java.stdin!.write(`${JSON.stringify(batches.map(withBase64))}\n`);
    const answer = await this.#answers.next();
    if (answer.done) throw new Error("the batch writer ended");
    return Buffer.from(answer.value, "base64");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#java, "close");
    this.#java.stdin!.end();
    await closed;
    this.#lines.close();
  }
}

function withBase64(batch: BatchToWrite) {
  return {
    ...batch,
    records: batch.records.map(({ key, value, headers, ...rest }) => ({
      ...rest,
      key: toBase64(key),
      value: toBase64(value),
      headers: headers.map(([name, bytes]) => [name, toBase64(bytes)]),
    })),
  };
}

function toBase64(bytes: Uint8Array | null): string | null {
  return bytes && Buffer.from(bytes).toString("base64");
}
