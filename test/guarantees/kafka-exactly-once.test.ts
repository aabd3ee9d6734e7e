import assert from "node:assert/strict";
import { test } from "node:test";
import { runKafkaTool } from "../../dev/kafka/index.ts";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { ascending, runKilledOnNumbers, sumsOf } from "../helpers/killed-numbers.ts";
import { openCluster, readRecords, wholePartition } from "../kafka/read-all.ts";

test("a topic holds the effect of every record exactly once for readers of committed records, whenever the driver is killed", async (t) => {
  const numbers = await createTopic({ name: "numbers" }, { partitions: 3 });
  const sums = await createTopic({ name: "sums" }, { partitions: 2 });
  const progressTopic = await createTopic({ name: "progress" }, { configs: { "cleanup.policy": "compact" } });
  await using cluster = openCluster({ "isolation.level": "read_committed" });
  const committed = async (topic: string) => {
    const [info] = await cluster.topics([topic]);
    const ofPartition = info!.partitions.map(async ({ partition }) =>
      readRecords(cluster, await wholePartition(cluster, topic, partition)),
    );
    return (await Promise.all(ofPartition)).flat();
  };
  const expected = await runKilledOnNumbers(t, {
    job: "save-to-kafka.ts",
    params: { numbers, sums, progressTopic },
    progress: async () => (await committed(numbers)).length,
  });
  assert.deepEqual((await committed(numbers)).map(({ value }) => Number(value)).sort(ascending), expected.numbers);
  const pairs = (await committed(sums)).map(({ key, value }) => [Number(key), Number(value)] as const);
  assert.deepEqual(sumsOf(pairs), expected.sums);

  // As Kafka's own consumer sees it, which reads on until there has been nothing for a while.
  const { stdout } = await runKafkaTool("org.apache.kafka.tools.consumer.ConsoleConsumer", [
    ...["--bootstrap-server", bootstrapServers(), "--topic", numbers, "--from-beginning"],
    ...["--isolation-level", "read_committed", "--timeout-ms", "5000"],
  ]);
  const consumed = stdout.split("\n").filter((line) => /^\d+$/.test(line));
  assert.deepEqual(consumed.map(Number).sort(ascending), expected.numbers);
});
