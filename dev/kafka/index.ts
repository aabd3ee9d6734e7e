/** A real Apache Kafka for the demo, the tests and the benchmarks: never a mock. */
export { type KafkaOptions, type LocalKafka, startKafka, type UsableKafka, useKafka } from "./start-kafka.ts";
export { runKafkaTool, type ToolOutput } from "./tool.ts";
