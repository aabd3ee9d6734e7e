import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Seconds from the command `millrace run job.ts` to its first planned batch, with a broker that is up. */
export async function measureStartUp(bootstrap: string, topic: string, threads: number): Promise<number> {
  const command = join(import.meta.dirname, "../dist/cli/main.js");
  const job = join(import.meta.dirname, "engine/start-up-job.ts");
  const params = ["--param", `brokers=${bootstrap}`, "--param", `topic=${topic}`];
  const started = performance.now();
  const options = ["--executors", `${threads}`, "--log-level", "warn", ...params];
  const child = spawn(process.execPath, [command, "run", job, ...options], { stdio: ["ignore", "pipe", "inherit"] });
  const planned = new Promise<number>((resolve) => {
    createInterface(child.stdout).on("line", (line) => {
      if (line === "planned") resolve((performance.now() - started) / 1000);
    });
  });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`millrace run ended with ${code}`);
  return await planned;
}
