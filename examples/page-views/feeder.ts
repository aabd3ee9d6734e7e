/**
 * A process that writes page views to the topic, apart from the job as a web shop would be: it takes no time from the driver's
 * thread. Started by `feeder-process.ts`; it ends by itself when that is gone.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Producer, stringSerializers } from "@platformatic/kafka";
import type { FeederConfig, FeederMessage } from "./feeder-process.ts";
import { rootOf } from "./root-cause.ts";
import { pageViews } from "./traffic.ts";

const { brokers, topic, records } = JSON.parse(process.argv[2]!) as FeederConfig;

let stopping = false;
process.once("message", () => {
  stopping = true;
});
process.once("disconnect", () => process.exit());

/** Page views a second without a limit on their number: on average, with a slow rise and fall as day and night bring it. */
const LIVE_RATE = 8_000;
const LIVE_SWING = 0.4;
const LIVE_PERIOD_MS = 40_000;
const LIVE_PAUSE_MS = 50;

/** So many go into one request when there is no reason to wait. */
const CHUNK = 4_000;

const next = pageViews();
const perCountry: Record<string, number> = {};
let produced = 0;

const producer = openProducer();
try {
  if (records === undefined) await feedLive();
  else while (!stopping && produced < records) await send(Math.min(CHUNK, records - produced));
  await producer.close();
  tell({ kind: "done", fed: { produced, perCountry } });
} catch (error) {
  tell({ kind: "failed", message: rootOf(error) });
}

async function feedLive(): Promise<void> {
  const start = performance.now();
  let due = 0;
  for (let last = start; !stopping; ) {
    await sleep(LIVE_PAUSE_MS);
    const now = performance.now();
    const wave = 1 + LIVE_SWING * Math.sin((2 * Math.PI * (now - start)) / LIVE_PERIOD_MS);
    due += ((now - last) / 1_000) * LIVE_RATE * wave;
    last = now;
    const count = Math.floor(due);
    due -= count;
    if (count > 0) await send(count);
  }
}

/** A view counts as produced once the broker has it. */
async function send(count: number): Promise<void> {
  const views = Array.from({ length: count }, next);
  await producer.send({
    messages: views.map((view) => ({ topic, key: view.user, value: JSON.stringify(view) })),
  });
  for (const { country } of views) perCountry[country] = (perCountry[country] ?? 0) + 1;
  produced += count;
}

/** Idempotent: a request that is sent again does not write its records twice. */
function openProducer() {
  return new Producer({
    clientId: "page-views-feeder",
    bootstrapBrokers: brokers.split(","),
    serializers: stringSerializers,
    idempotent: true,
    retries: 20,
    retryDelay: 100,
  });
}

function tell(message: FeederMessage): void {
  process.send?.(message, () => process.disconnect());
}
