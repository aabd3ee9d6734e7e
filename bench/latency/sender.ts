import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Connection } from "@platformatic/kafka";
import { brokersOf } from "../data/brokers.ts";
import { produce } from "../data/feed.ts";
import { encodeBatch, nextRecords } from "../data/record-batch.ts";
import { PARTITIONS } from "../data/topics.ts";
import { now, type Sent } from "./run.ts";

/** `sender.ts bootstrap topic rate seconds`: sends records at a steady rate, each with its time, and says how many. */

const TICK_MS = 2;
const PAYLOAD = "x".repeat(50);

const [bootstrap, topic, rateText, secondsText] = process.argv.slice(2) as [string, string, string, string];
const rate = Number(rateText);
const { host, port } = brokersOf(bootstrap)[0]!;
const connection = new Connection("millrace-bench", { maxInflights: 100 });
connection.connect(host, port);
await once(connection, "connect");

let sent = 0;
let sentAt = 0;
const writeValue = (target: Buffer, position: number) => {
  const record: Sent = { id: sent++, sentAt, payload: PAYLOAD };
  return position + target.write(JSON.stringify(record), position, "latin1");
};
const started = now();
const total = rate * Number(secondsText);
const underWay: Promise<void>[] = [];
for (let tick = 0; sent < total; tick++) {
  sentAt = now();
  const due = Math.min(total, Math.floor(((sentAt - started) / 1000) * rate)) - sent;
  if (due > 0) {
    const batch = encodeBatch(nextRecords(writeValue, due), "none", Date.now());
    const partition = tick % PARTITIONS;
    underWay.push(produce(connection, topic, Array(PARTITIONS).fill(undefined).with(partition, batch)));
  }
  await sleep(TICK_MS);
}
await Promise.all(underWay);
await connection.close();
console.log(sent);
