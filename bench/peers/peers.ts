import { kafkaStreams } from "./kafka-streams.ts";
import { kafkajs, platformatic } from "./node-clients.ts";
import type { Peer } from "./peer.ts";
import { pyspark, sparkJava, sparkStructured } from "./spark.ts";

/** Every system to compare with. */
export const peers: readonly Peer[] = [sparkJava, sparkStructured, pyspark, kafkaStreams, kafkajs, platformatic];
