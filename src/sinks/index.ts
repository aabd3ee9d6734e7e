/** Exactly-once outputs: what `saveTo` takes. */
export type { EncodeFunction, EncodePlace, Encoder } from "../model/encoder.ts";
export {
  type BatchCommit,
  type BatchSink,
  defineSink,
  type OutputIdentity,
  type PartitionCommit,
  type PartitionSink,
  type PublishedSink,
  type Sink,
  type SinkDefinition,
  type SinkLife,
  type SinkProgress,
  type Written,
} from "../operators/sink.ts";
export { type FilesOptions, files } from "./files.ts";
export { type FileFormat, jsonLines } from "./files-format.ts";
export { type PublishedBatch, type PublishedFile, publishedBatches } from "./files-reader.ts";
export { type KafkaSinkOptions, kafka } from "./kafka.ts";
export {
  type PostgresOptions,
  type PostgresTableOptions,
  type PostgresWriteOptions,
  postgres,
  type TableOptions,
} from "./postgres.ts";
export type { PgClient } from "./postgres-database.ts";
export type { Row } from "./postgres-rows.ts";
export { isStillToWrite, type Progress } from "./sink-errors.ts";
export { type SqliteOptions, sqlite } from "./sqlite.ts";
