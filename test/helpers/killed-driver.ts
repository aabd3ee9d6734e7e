import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { waitUntil } from "./wait-until.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

export interface KilledRun {
  /** Job module, from test/fixtures/jobs. */
  readonly job: string;
  readonly params: Readonly<Record<string, string>>;
  readonly checkpointDirectory: string;
  readonly kills: number;
  readonly recordsPerRound: number;
  /** New data, while no driver runs. */
  produce(round: number): Promise<void>;
  /** How many records have had their effect so far. */
  progress(): number | Promise<number>;
}

/**
 * Starts a job again and again, each time kills it somewhere among its batches, and feeds new records while it is down. The last driver
 * reads to the end and stops gracefully.
 */
export async function runKilled(run: KilledRun): Promise<void> {
  const { kills, recordsPerRound } = run;
  const job = fileURLToPath(new URL(`../fixtures/jobs/${run.job}`, import.meta.url));
  const args = ["--conditions=millrace-source", MAIN, "run", job, "--executors", "2", "--log-level", "error"];
  args.push("--checkpoint-directory", run.checkpointDirectory);
  for (const [name, value] of Object.entries(run.params)) args.push("--param", `${name}=${value}`);

  for (let round = 1; round <= kills + 1; round++) {
    await run.produce(round);
    const driver = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
    const exited = once(driver, "exit");
    const last = round === kills + 1;
    const target = last
      ? round * recordsPerRound
      : (round - 1) * recordsPerRound + Math.floor((recordsPerRound * round) / (kills + 2));
    await waitUntil(`${target} records have had their effect`, async () => (await run.progress()) >= target);
    driver.kill(last ? "SIGTERM" : "SIGKILL");
    const [code] = await exited;
    if (last) assert.equal(code, 0, "the last driver stops gracefully");
  }
}
