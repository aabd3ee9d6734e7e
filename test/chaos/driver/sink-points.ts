import type { Partition } from "millrace";
import { defineSink, type Sink } from "millrace/sinks";
import { partitionOf } from "../../../src/operators/partition.ts";
import type { SinkDefinition } from "../../../src/operators/sink.ts";
import type { Striker } from "./striker.ts";

/** A sink with a named point before and after each of its durable steps. */
export function withSinkPoints<T>(sink: Sink<T>, name: string, striker: Striker): Sink<T> {
  const inner = sink["~sink"] as SinkDefinition<T, unknown>;
  const at = (point: string) => striker.reach(`${name}: ${point}`);
  const around = async <R>(step: string, work: () => Promise<R>): Promise<R> => {
    at(`before ${step}`);
    const result = await work();
    at(`after ${step}`);
    return result;
  };
  const life = {
    open: inner.open.bind(inner),
    close: inner.close.bind(inner),
    fence: (...args: Parameters<typeof inner.fence>) => around("fence", () => inner.fence(...args)),
  };
  const watched = (partition: Partition<T>) => partitionOf(pointAtEnd(partition.chunks(), () => at("all is read")));

  if ("commitPartition" in inner) {
    return defineSink<T, unknown>({
      ...life,
      commitPartition: (connection, partition, commit) =>
        around("commit", () => inner.commitPartition(connection, watched(partition), commit)),
    });
  }
  if ("publishBatch" in inner) {
    return defineSink<T, unknown>({
      ...life,
      writePartition: (connection, partition, commit) =>
        around("write", () => inner.writePartition(connection, watched(partition), commit)),
      publishBatch: (...args) => around("publish", () => inner.publishBatch(...args)),
    });
  }
  return defineSink<T, unknown>({
    ...life,
    commitBatch: (...args) => around("commit", () => inner.commitBatch(...args)),
  });
}

/** Where a sink asks for more and there is no more: what it took is written and not committed. Not for partitions that have nothing. */
async function* pointAtEnd<T>(chunks: AsyncIterable<readonly T[]>, at: () => void): AsyncGenerator<readonly T[]> {
  let values = 0;
  for await (const chunk of chunks) {
    values += chunk.length;
    yield chunk;
  }
  if (values > 0) at();
}
