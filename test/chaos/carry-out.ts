import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../../bench/data/random.ts";
import { powerCut } from "../helpers/fault-disk.ts";
import { leaders, moveLeader } from "../helpers/kafka.ts";
import type { Strike } from "./driver/striker.ts";
import { type DriverProcess, described, type End } from "./driver-process.ts";
import { type Lane, PARTITIONS } from "./lane.ts";
import { ANY_MOMENT, type Fault, type ScheduledStrike } from "./schedule.ts";
import type { World } from "./world.ts";

export interface Outcome {
  /** Whether the driver came to the point, and was struck. */
  readonly hit: boolean;
  /** How it ended. */
  readonly end: string;
  /** What must not happen; undefined when all is as it should be. */
  readonly unexpected: string | undefined;
}

const RECORDS = 60;
/** A machine that others work on too is slow now and then; what hangs, hangs longer. */
const PATIENCE_MS = 120_000;

/** One round: new records, a driver, its strike, and how it comes to its end. */
export async function carryOut(world: World, lane: Lane, strike: ScheduledStrike): Promise<Outcome> {
  const random = new Random(strike.seed);
  await lane.feed(RECORDS, random);
  const marker = join(world.folder, `struck-${strike.number}`);
  const reply = /: reply of (.+)$/.exec(strike.point)?.[1];
  const fromOutside = strike.point === ANY_MOMENT || reply !== undefined;
  const driver = lane.start(fromOutside ? undefined : inProcess(strike, marker));
  const feeding = strike.feedMeanwhile ? feedLater(lane, driver, random) : Promise.resolve();
  try {
    if (reply !== undefined) return await cutReply(world, driver, strike, reply);
    if (fromOutside) {
      await driver.until("a first batch", () => driver.batches > 0, PATIENCE_MS);
      await sleep(random.below(250));
      if (driver.hasEnded) return { hit: false, ...unexpectedEnd(await driver.ended) };
    } else {
      const hit = await driver.until("it was struck", () => existsSync(marker), PATIENCE_MS);
      // A process that has died of it is not there any more to be seen.
      if (!hit && !existsSync(marker)) return { hit: false, ...unexpectedEnd(await driver.endBy("SIGKILL")) };
    }
    return { hit: true, ...(await afterStrike(world, lane, driver, strike, random)) };
  } finally {
    if (!driver.hasEnded) await driver.endBy("SIGKILL");
    await feeding;
  }
}

function inProcess({ point, occurrence, fault }: ScheduledStrike, marker: string): Strike {
  const kinds: { readonly [F in Fault]?: Strike["fault"] } = { "power cut": "SIGKILL", paused: "SIGSTOP" };
  return { point, occurrence, marker, fault: kinds[fault] ?? (fault as Strike["fault"]) };
}

async function feedLater(lane: Lane, driver: DriverProcess, random: Random): Promise<void> {
  await driver.until("a first batch", () => driver.batches > 0, PATIENCE_MS);
  await lane.feed(RECORDS, random);
}

type Ending = Omit<Outcome, "hit">;

async function afterStrike(
  world: World,
  lane: Lane,
  driver: DriverProcess,
  strike: ScheduledStrike,
  random: Random,
): Promise<Ending> {
  const fromOutside = strike.point === ANY_MOMENT;
  switch (strike.fault) {
    case "SIGKILL":
    case "power cut": {
      if (fromOutside) driver.signal("SIGKILL");
      const end = await driver.ended;
      if (strike.fault === "power cut") powerCut(lane.checkpointDirectory, random);
      return end.signal === "SIGKILL" ? { end: "SIGKILL", unexpected: undefined } : unexpectedEnd(end);
    }
    case "paused":
      if (fromOutside) driver.signal("SIGSTOP");
      return await replaced(lane, driver, strike, random);
    case "EIO":
    case "ENOSPC": {
      const end = await driver.ended;
      const told = end.code === 1 && end.said.includes("CHECKPOINT_UNUSABLE");
      return told ? { end: described(end), unexpected: undefined } : unexpectedEnd(end);
    }
    case "leaders move":
      await moveLeaders(world, lane, random);
      return await goesOn(driver, strike);
    case "broker killed": {
      const broker = 1 + random.below(3);
      await world.kafka!.killBroker(broker);
      try {
        return await goesOn(driver, strike);
      } finally {
        await world.kafka!.startBroker(broker);
      }
    }
    case "connections cut":
      for (const proxy of world.kafkaProxies) proxy.cutAll();
      return await goesOn(driver, strike);
    case "a task fails":
    case "a thread exits":
    case "a heap is full":
    case "short write":
    case "reply cut":
      return await goesOn(driver, strike);
  }
}

/** It stands still while another one takes over and works; when it wakes, it must see that it has been replaced. */
async function replaced(lane: Lane, paused: DriverProcess, strike: ScheduledStrike, random: Random): Promise<Ending> {
  await lane.feed(RECORDS, random);
  const next = lane.start();
  try {
    if (!(await next.until("two batches", () => next.batches > 1, PATIENCE_MS))) {
      return unexpectedEnd(await next.endBy("SIGKILL"), "the driver that took over did no work");
    }
    paused.signal("SIGCONT");
    const end = await withLimit(paused, PATIENCE_MS);
    if (end.code !== 3) return unexpectedEnd(end, "the driver that was replaced");
    const last = await next.endBy(strike.ending);
    const asAsked = strike.ending === "SIGKILL" ? last.signal === "SIGKILL" : last.code === 0;
    return asAsked
      ? { end: `${described(end)}; the next one ${described(last)}`, unexpected: undefined }
      : unexpectedEnd(last, "the driver that took over");
  } finally {
    if (!next.hasEnded) await next.endBy("SIGKILL");
  }
}

async function withLimit(driver: DriverProcess, limitMs: number): Promise<End> {
  const patience = setTimeout(() => driver.signal("SIGKILL"), limitMs);
  try {
    return await driver.ended;
  } finally {
    clearTimeout(patience);
  }
}

async function cutReply(
  world: World,
  driver: DriverProcess,
  strike: ScheduledStrike,
  request: string,
): Promise<Outcome> {
  const proxies = strike.point.startsWith("postgres") ? [world.postgres!.proxy] : world.kafkaProxies;
  let left = strike.occurrence;
  let hit = false;
  const arm = () => {
    for (const proxy of proxies) proxy.cutReplyTo(request, cut);
  };
  const cut = () => {
    hit = true;
    if (--left > 0) arm();
    else for (const proxy of proxies) proxy.disarm();
  };
  // The first steps of a driver have such requests too: its look for the topics, its fence.
  await driver.until("a first batch", () => driver.batches > 0, PATIENCE_MS);
  arm();
  try {
    await driver.until("a reply was cut", () => hit, PATIENCE_MS);
    return { hit, ...(await goesOn(driver, strike)) };
  } finally {
    for (const proxy of proxies) proxy.disarm();
  }
}

/** A driver survives this strike: another batch succeeds. Or it says that it cannot go on, and whoever watches over it starts it again. */
async function goesOn(driver: DriverProcess, strike: ScheduledStrike): Promise<Ending> {
  const before = driver.successes;
  const went = await driver.until("another batch", () => driver.successes > before + 1, PATIENCE_MS);
  if (!went && !driver.hasEnded) return unexpectedEnd(await driver.endBy("SIGKILL"), "no batch after the strike");
  if (driver.hasEnded) {
    const end = await driver.ended;
    const may = FROM_OUTSIDE.includes(strike.fault) && end.code === 1 && RETRYABLE.test(end.said);
    return may ? { end: described(end), unexpected: undefined } : unexpectedEnd(end);
  }
  const end = await driver.endBy(strike.ending);
  const asAsked = strike.ending === "SIGKILL" ? end.signal === "SIGKILL" : end.code === 0;
  return asAsked ? { end: `goes on; ${described(end)}`, unexpected: undefined } : unexpectedEnd(end);
}

const FROM_OUTSIDE: readonly Fault[] = ["leaders move", "broker killed", "connections cut", "reply cut"];
const RETRYABLE = /^(SINK_FAILED|BROKER_UNREACHABLE|TASK_FAILED)/m;

async function moveLeaders({ kafka }: World, { topic }: Lane, random: Random): Promise<void> {
  const partition = random.below(PARTITIONS);
  const leader = (await leaders(topic, kafka!.bootstrap))[partition]!;
  await moveLeader(kafka!, topic, partition, (leader % 3) + 1);
}

function unexpectedEnd(end: End, who = "the driver"): Ending {
  return { end: described(end), unexpected: `${who}: ${end.signal ?? `exit ${end.code}`} ${end.said}` };
}
