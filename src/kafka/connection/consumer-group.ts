import type { TopicPartition } from "../../model/offset-range.ts";
import { PartitionMap } from "../../model/partition-map.ts";
import type { BrokerAddress } from "./broker-address.ts";
import type { BrokerSocket } from "./broker-socket.ts";
import type { KafkaCluster } from "./cluster.ts";
import { commitGroupOffsets, fetchGroupOffsets, findGroupCoordinator, type GroupOffset } from "./group-requests.ts";

/** The offsets that Kafka keeps for a group. We never join one: no rebalance can take a partition away. */
export class ConsumerGroup {
  readonly name: string;
  readonly #cluster: KafkaCluster;
  #coordinator: BrokerAddress | undefined;

  constructor(cluster: KafkaCluster, name: string) {
    this.#cluster = cluster;
    this.name = name;
  }

  /** By partition; those without an offset are left out. @throws BROKER_UNREACHABLE, BROKER_REFUSED */
  async committed(partitions: readonly TopicPartition[], signal?: AbortSignal): Promise<PartitionMap<number>> {
    const offsets = await this.#ask(signal, (socket) => fetchGroupOffsets(socket, this.name, partitions));
    return PartitionMap.of(offsets).map(({ offset }) => offset);
  }

  /** @throws BROKER_UNREACHABLE, BROKER_REFUSED also while the group has members */
  async commit(offsets: readonly GroupOffset[], signal?: AbortSignal): Promise<void> {
    await this.#ask(signal, (socket) => commitGroupOffsets(socket, this.name, offsets));
  }

  #ask<T>(signal: AbortSignal | undefined, request: (coordinator: BrokerSocket) => Promise<T>): Promise<T> {
    return this.#cluster.persist(signal, async () => {
      try {
        this.#coordinator ??= await this.#cluster.askAnyBroker(
          (socket) => findGroupCoordinator(socket, this.name),
          signal,
        );
        return await request(await this.#cluster.controlSocket(this.#coordinator));
      } catch (error) {
        // It may be another broker by now.
        this.#coordinator = undefined;
        throw error;
      }
    });
  }
}
