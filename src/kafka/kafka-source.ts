import type { ResolvedDecoder } from "../decoders/index.ts";
import type { ReadTask, Source, SourcePlanner, Warn } from "../graph/source.ts";
import type { ConsumerRecord } from "../model/consumer-record.ts";
import { assert } from "../model/errors.ts";
import type { OffsetRange } from "../model/offset-range.ts";
import type { Slice } from "../model/plan.ts";
import type { Chunk } from "../operators/receiver.ts";
import { KafkaCluster } from "./connection/cluster.ts";
import type { ResolvedKafkaParams } from "./kafka-params.ts";
import { decodable, type OnDecodeError } from "./reading/decodable.ts";
import { readRange } from "./reading/range-reader.ts";

export interface KafkaSourceParts<K, V> {
  readonly name: string;
  readonly params: ResolvedKafkaParams;
  readonly decoders: { readonly key: ResolvedDecoder<K>; readonly value: ResolvedDecoder<V> };
  readonly onDecodeError: OnDecodeError;
  readonly streaming: boolean;
  /** Those of a stream that are known before brokers are asked. */
  readonly topics: readonly string[];
  /** Exactly these, in every batch. */
  readonly fixedRanges: readonly OffsetRange[] | undefined;
  /** Not part of the description: a batch that is pending because its records are gone must be able to run by another policy. */
  readonly failOnDataLoss: boolean;
  /** What the driver and the executors must agree on, other than the name. */
  readonly description: string;
  readonly planner: (cluster: KafkaCluster, warn: Warn) => SourcePlanner;
}

/** Topics of Kafka as a source: the planner asks for offsets, the reader fetches ranges. Each side has connections of its own. */
export class KafkaSource<K, V> implements Source<ConsumerRecord<K, V>> {
  readonly offsets = true;
  readonly name: string;
  readonly streaming: boolean;
  readonly fixedRanges: readonly OffsetRange[] | undefined;
  readonly fixedPartitions: number | undefined;
  readonly #parts: KafkaSourceParts<K, V>;
  #readCluster: KafkaCluster | undefined;

  constructor(parts: KafkaSourceParts<K, V>) {
    this.name = parts.name;
    this.streaming = parts.streaming;
    this.fixedRanges = parts.fixedRanges;
    this.fixedPartitions = parts.fixedRanges?.length;
    this.#parts = parts;
  }

  describe(): string {
    const { params, description } = this.#parts;
    const brokers = params.bootstrap.map(({ host, port }) => `${host}:${port}`).join();
    return `${this.name} ${brokers} ${params.isolationLevel} ${description}`;
  }

  openPlanner(warn: Warn = () => {}): SourcePlanner {
    return this.#parts.planner(new KafkaCluster(this.#parts.params, { warn }), warn);
  }

  openReader(): void {
    const { topics } = this.#parts;
    if (topics.length > 0) void this.#reading().connectAhead(topics);
  }

  read(
    slice: Slice,
    { signal, countsOnly, onBytes, onDataLoss, onUndecodable }: ReadTask,
  ): AsyncIterable<Chunk<ConsumerRecord<K, V>>> {
    const { topicId } = slice;
    assert(topicId !== undefined, "a range of Kafka is read by the id of its topic");
    const { failOnDataLoss, onDecodeError } = this.#parts;
    const { key, value } = this.#parts.decoders;
    const decoders = { key, value, takesTexts: value.isText && !countsOnly };
    const lossy = failOnDataLoss ? {} : { onDataLoss };
    const chunks = readRange(this.#reading(), { ...slice, topicId }, { decoders, signal, onBytes, ...lossy });
    return onDecodeError === "fail" ? chunks : decodable(chunks, onDecodeError, onUndecodable);
  }

  async closeReader(): Promise<void> {
    await this.#readCluster?.close();
    this.#readCluster = undefined;
  }

  #reading(): KafkaCluster {
    this.#readCluster ??= new KafkaCluster(this.#parts.params);
    return this.#readCluster;
  }
}
