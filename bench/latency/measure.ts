import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { createTopic } from "../data/topics.ts";
import type { Command } from "../peers/peer.ts";
import { percentile } from "../statistics.ts";
import { countArrivals, readArrivals } from "./arrivals.ts";
import type { LatencyHeat, LatencyRun } from "./run.ts";

/** Milliseconds, from the moment a record is sent until it can be read from the sink. */
export interface LatencyResult extends LatencyRun {
  readonly bench: "latency";
  readonly records: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  readonly commitsPerSecond: number;
}

export interface Surroundings {
  readonly bootstrap: string;
  readonly threads: number;
  /** On the disk that is measured. */
  readonly folder: string;
  /** Seconds of sending that count, after those of warming up. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
  createDatabase(): Promise<string>;
  command(heat: LatencyHeat): Command;
}

const PATIENCE_MS = 60_000;

/** Runs the system on an empty topic and an empty database, sends to it, and asks the sink. */
export async function measureLatency(run: LatencyRun, surroundings: Surroundings): Promise<LatencyResult> {
  const { bootstrap, threads, seconds, warmUpSeconds } = surroundings;
  const folder = await mkdtemp(join(surroundings.folder, "latency-"));
  const topic = await createTopic(bootstrap, `bench-latency-${Date.now()}`);
  const connection = run.sink === "postgres" ? await surroundings.createDatabase() : "";
  const heat: LatencyHeat = { ...run, bootstrap, topic, threads, folder, connection };
  const { file, args, env } = surroundings.command(heat);
  const system = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...env } });
  try {
    await ready(run.system, system);
    const sent = await send(heat, warmUpSeconds + seconds);
    await allArrived(heat, sent);
    system.stdin.end();
    if (system.exitCode === null) await once(system, "exit");
    const { latencies, commits } = await readArrivals(heat, sent);
    const counted = latencies.slice(warmUpSeconds * run.rate);
    const [p50, p99, max] = [50, 99, 100].map((percent) => Number(percentile(counted, percent).toFixed(2)));
    return {
      bench: "latency",
      ...run,
      records: counted.length,
      ...{ p50: p50!, p99: p99!, max: max! },
      commitsPerSecond: Math.round(commits / (warmUpSeconds + seconds)),
    };
  } finally {
    system.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

async function ready(name: string, system: ChildProcess): Promise<void> {
  for await (const line of createInterface(system.stdout!)) if (line === "ready") return;
  throw new Error(`${name} ended before it was ready`);
}

async function send({ bootstrap, topic, rate }: LatencyHeat, seconds: number): Promise<number> {
  const program = join(import.meta.dirname, "sender.ts");
  const args = [...process.execArgv, program, bootstrap, topic, `${rate}`, `${seconds}`];
  const sender = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const sent = Number(await text(sender.stdout));
  if (!(sent > 0)) throw new Error("the sender failed");
  return sent;
}

async function allArrived(heat: LatencyHeat, sent: number): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while ((await countArrivals(heat)) < sent) {
    if (performance.now() > deadline) throw new Error(`${heat.system} has not written everything after a minute`);
    await sleep(200);
  }
}
