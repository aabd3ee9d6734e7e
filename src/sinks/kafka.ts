import { type KafkaParams, resolveKafkaParams } from "../kafka/kafka-params.ts";
import { COMPRESSIONS, type Compression } from "../kafka/writing/compress.ts";
import { partitionOfKey } from "../kafka/writing/murmur2.ts";
import type { OutgoingRecords } from "../kafka/writing/outgoing-records.ts";
import { TransactionalWriter } from "../kafka/writing/transactional-writer.ts";
import { type Duration, parseDuration } from "../model/duration.ts";
import type { EncodeFunction, EncodePlace, Encoder } from "../model/encoder.ts";
import { MillraceError } from "../model/errors.ts";
import { type Check, checkedLater, checkOptions, isOneOf, isText } from "../model/options.ts";
import type { Partition } from "../operators/partition.ts";
import { defineSink, type OutputIdentity, type PartitionCommit, type Sink } from "../operators/sink.ts";
import { isStillToWrite, type Progress } from "./sink-errors.ts";

export interface KafkaSinkOptions<T> {
  readonly kafkaParams: KafkaParams;
  /** Must be there when the job starts. */
  readonly topic: string;
  /** Decides the partition, as in Java's clients. Values without a key, or with null, go round the partitions. A text is UTF-8. */
  readonly key?: Encoder<T> | undefined;
  readonly value: Encoder<T>;
  /** @default "none" */
  readonly compression?: Compression | undefined;
  /** How long the brokers keep a transaction whose writer is gone: so long its readers wait. @default "60s" */
  readonly transactionTimeout?: Duration | undefined;
  /** Keeps how far each output has come; compacted, made when there is none. Never add partitions to it. @default "millrace-progress" */
  readonly progressTopic?: string | undefined;
}

/**
 * A topic, exactly once for readers with `isolation.level=read_committed`. Each partition of a batch is one transaction, together with
 * its progress. Up to 8 MiB are encoded before the transaction begins; a larger partition is sent while its values come, and as much is
 * held at a time.
 * @throws BAD_OPTION
 */
export function kafka<T>(options: KafkaSinkOptions<T>): Sink<T> {
  checkOptions("kafka", options, {
    kafkaParams: checkedLater,
    topic: isText,
    key: isEncoder,
    value: isEncoder,
    compression: isOneOf(...COMPRESSIONS),
    transactionTimeout: checkedLater,
    progressTopic: isText,
  });
  for (const needed of ["kafkaParams", "topic", "value"] as const) {
    if (options[needed] !== undefined) continue;
    throw new MillraceError("BAD_OPTION", `kafka needs "${needed}".`, {
      hint: "kafka({ kafkaParams, topic, key, value })",
    });
  }
  const { topic, progressTopic = "millrace-progress", compression = "none" } = options;
  if (topic === progressTopic) {
    throw new MillraceError("BAD_OPTION", `kafka: "topic" and "progressTopic" are both "${topic}".`, {
      hint: "The progress topic is the sink's own: give it another name.",
    });
  }
  const params = resolveKafkaParams(options.kafkaParams);
  const transactionTimeoutMs = parseDuration(options.transactionTimeout ?? "60s", "transactionTimeout", { minMs: 1 });
  return defineSink<T, TransactionalWriter>({
    open: (_, warn) =>
      TransactionalWriter.open({ params, topic, notesTopic: progressTopic, transactionTimeoutMs, compression, warn }),
    async fence(writer, epoch, numPartitions, output) {
      // Also those that only an older driver has: it may still be at work on them.
      const known = (await progressOf(writer, output))?.seqs.length ?? 0;
      const count = Math.max(numPartitions, known);
      const partitions = Array.from({ length: count }, (_, n) => fencePartition(writer, output, epoch, n));
      // All are waited for: one that is left behind would go on trying, for a minute, when the driver has closed its connections.
      for (const fenced of await Promise.allSettled(partitions)) {
        if (fenced.status === "rejected") throw fenced.reason;
      }
    },
    progress: progressOf,
    async commitPartition(writer, partition, commit) {
      const { seq, epoch, digest, signal } = commit;
      const written = await writer.commit({
        transactionalId: transactionalIdOf(commit, commit.partition),
        signal,
        decide: (note) => (isStillToWrite(commit, progressIn(note)) ? noteOf({ seq, epoch, digest }) : undefined),
        write: (records) => encode(partition, commit, records, options),
      });
      return written ? "written" : "already written";
    },
    close: (writer) => writer.close(),
  });
}

async function progressOf(writer: TransactionalWriter, output: OutputIdentity) {
  const notes = await writer.notes(transactionalIdsOf(output));
  if (notes.size === 0) return undefined;
  const seqs: number[] = [];
  const progress = { seq: 0, epoch: 0 };
  for (const [id, note] of notes) {
    const { seq, epoch } = progressIn(note)!;
    seqs[Number(id.slice(transactionalIdsOf(output).length))] = seq;
    progress.seq = Math.max(progress.seq, seq);
    progress.epoch = Math.max(progress.epoch, epoch);
  }
  return { ...progress, seqs: Array.from(seqs, (seq = 0) => seq) };
}

async function fencePartition(writer: TransactionalWriter, identity: OutputIdentity, epoch: number, partition: number) {
  await writer.commit({
    transactionalId: transactionalIdOf(identity, partition),
    decide(note) {
      const known = progressIn(note);
      isStillToWrite({ output: identity.output, seq: Number.POSITIVE_INFINITY, epoch, digest: "" }, known);
      return noteOf({ seq: known?.seq ?? 0, epoch, digest: known?.digest ?? "" });
    },
    write: async () => {},
  });
}

const isEncoder: Check = (value) =>
  typeof value === "function" || typeof (value as { prepare?: unknown } | null)?.prepare === "function"
    ? undefined
    : "must be a function, or an encoder with prepare()";

async function encoderFor<T>(encoder: Encoder<T>, place: EncodePlace): Promise<EncodeFunction<T>> {
  return typeof encoder === "function" ? encoder : encoder.prepare(place);
}

/** Without epoch and attempt: each new writer of this partition ends what an earlier one has left open. */
function transactionalIdOf(identity: OutputIdentity, partition: number): string {
  return `${transactionalIdsOf(identity)}${partition}`;
}

/** How those of all partitions begin. */
const transactionalIdsOf = ({ checkpointId, output }: OutputIdentity) => `${checkpointId}.${output}.`;

const noteOf = (progress: Progress) => JSON.stringify(progress);
const progressIn = (note: string | undefined) => (note === undefined ? undefined : (JSON.parse(note) as Progress));

async function encode<T>(
  partition: Partition<T>,
  commit: PartitionCommit,
  records: OutgoingRecords,
  { key = () => null, value, topic }: KafkaSinkOptions<T>,
): Promise<void> {
  const keyOf = await encoderFor(key, { topic, field: "key" });
  const valueOf = await encoderFor(value, { topic, field: "value" });
  const { numPartitions } = records;
  let turn = commit.partition;
  for await (const chunk of partition.chunks()) {
    for (const item of chunk) {
      const key = bytesOf(keyOf(item));
      const target = key === null ? turn++ % numPartitions : partitionOfKey(key, numPartitions);
      const sent = records.add(target, key, bytesOf(valueOf(item)));
      if (sent !== undefined) await sent;
    }
    commit.signal.throwIfAborted();
  }
}

function bytesOf(content: string | Uint8Array | null): Uint8Array | null {
  return typeof content === "string" ? Buffer.from(content) : content;
}
