import { Admin } from "@platformatic/kafka";

const PARTITIONS = 4;

/** A topic for one run of the demo. */
export interface DemoTopic extends AsyncDisposable {
  readonly name: string;
}

/** `page-views`; on a cluster where that is taken, a name of its own, so that nobody else's page views are counted. */
export async function createTopic(brokers: string): Promise<DemoTopic> {
  const admin = new Admin({
    clientId: "page-views-demo",
    bootstrapBrokers: brokers.split(","),
    retries: 10,
    retryDelay: 100,
    connectTimeout: 3_000,
  });
  try {
    for (const name of ["page-views", `page-views-${Date.now().toString(36)}`]) {
      if (!(await create(admin, name))) continue;
      return {
        name,
        async [Symbol.asyncDispose]() {
          await admin.deleteTopics({ topics: [name] }).catch(() => {}); // it stays, and the next run takes another name
          await admin.close();
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

/** @returns false when there is such a topic. */
async function create(admin: Admin, name: string): Promise<boolean> {
  try {
    await admin.createTopics({ topics: [{ topic: name, partitions: PARTITIONS, replicas: -1 }] });
    return true;
  } catch (error) {
    if (hasAlready(error)) return false;
    throw error;
  }
}

// The client wraps what the broker or the network said, a layer for each retry and topic.

function hasAlready(error: unknown): boolean {
  const { apiId, errors = [] } = error as { apiId?: string; errors?: readonly unknown[] };
  return apiId === "TOPIC_ALREADY_EXISTS" || errors.some(hasAlready);
}

function rootOf(error: unknown): string {
  const { message, cause, errors = [] } = error as Error & { errors?: readonly unknown[] };
  const inner = errors.at(-1) ?? cause;
  return inner === undefined ? message : rootOf(inner);
}
