/** Exactly-once outputs: what `saveTo` takes. */
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
  type Written,
} from "../operators/sink.ts";
export { type SqliteOptions, sqlite } from "./sqlite.ts";
