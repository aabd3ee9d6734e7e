import { Admin } from "@platformatic/kafka";
import type { Home } from "./home.ts";
import { rootOf } from "./root-cause.ts";

const PARTITIONS = 4;

/** Kafka's name for the end, instead of a time. */
const LATEST = -1n;

/** The topic of one run of the demo, or of several. */
export interface DemoTopic extends AsyncDisposable {
  readonly name: string;
  /** Page views that earlier runs have written to it. */
  readonly before: number;
}

/** The segments of the log are small, and the oldest go when there are many: the demo may run for days. */
const LIMITS = [
  { name: "segment.bytes", value: String(16 * 2 ** 20) },
  { name: "retention.bytes", value: String(64 * 2 ** 20) },
];

/**
 * The topic of the run before, if it is still there. Else a new one: `page-views`, or on a cluster where that is taken a name of its own, so that
 * nobody else's page views are counted.
 */
export async function openTopic(brokers: string, home: Home, keep: boolean): Promise<DemoTopic> {
  const admin = new Admin({
    clientId: "page-views-demo",
    bootstrapBrokers: brokers.split(","),
    retries: 10,
    retryDelay: 100,
    connectTimeout: 3_000,
  });
  const close = () => admin.close();
  try {
    const known = home.topic;
    if (known !== undefined && (await admin.listTopics()).includes(known)) {
      return { name: known, before: await viewsIn(admin, known), [Symbol.asyncDispose]: close };
    }
    for (const name of ["page-views", `page-views-${Date.now().toString(36)}`]) {
      if (!(await create(admin, name))) continue;
      home.beginWith(name);
      return {
        name,
        before: 0,
        async [Symbol.asyncDispose]() {
          // If that fails it stays, and the next run takes another name.
          if (!keep) await admin.deleteTopics({ topics: [name] }).catch(() => {});
          await close();
        },
      };
    }
    throw new Error("The topic page-views exists already, and so does the one made up instead.");
  } catch (error) {
    await admin.close();
    const hint = "Without KAFKA_BROKERS the demo starts a Kafka of its own.";
    throw new Error(`Kafka at ${brokers} did not create a topic: ${rootOf(error)}\n${hint}`, { cause: error });
  }
}

/** Each record has an offset of its own: the feeder uses no transactions. */
async function viewsIn(admin: Admin, name: string): Promise<number> {
  const partitions = Array.from({ length: PARTITIONS }, (_, partitionIndex) => ({ partitionIndex, timestamp: LATEST }));
  const [topic] = await admin.listOffsets({ topics: [{ name, partitions }] });
  return topic!.partitions.reduce((sum, { offset }) => sum + Number(offset), 0);
}

/** @returns false when there is such a topic. */
async function create(admin: Admin, name: string): Promise<boolean> {
  try {
    await admin.createTopics({ topics: [name], partitions: PARTITIONS, replicas: -1, configs: LIMITS });
    return true;
  } catch (error) {
    if (hasAlready(error)) return false;
    throw error;
  }
}

/** The client wraps what the broker said, a layer for each retry and topic. */
function hasAlready(error: unknown): boolean {
  const { apiId, errors = [] } = error as { apiId?: string; errors?: readonly unknown[] };
  return apiId === "TOPIC_ALREADY_EXISTS" || errors.some(hasAlready);
}
