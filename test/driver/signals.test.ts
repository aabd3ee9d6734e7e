/** Ctrl-C, as a process of its own gets it. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { basename } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const programs = ["slow-batch", "slow-script"].map((name) =>
  fileURLToPath(new URL(`../fixtures/jobs/${name}.ts`, import.meta.url)),
);

function run(
  program: string,
  ...args: string[]
): { child: ChildProcess; lines: AsyncIterator<string>; exited: Promise<unknown[]> } {
  const child = spawn(process.execPath, ["--conditions=millrace-source", program, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  return { child, lines, exited: once(child, "exit") };
}

const next = async (lines: AsyncIterator<string>) => (await lines.next()).value as string;

for (const program of programs) {
  test(`a first signal finishes the batch, and the process ends by itself: ${basename(program)}`, {
    timeout: 20_000,
  }, async () => {
    const { child, lines, exited } = run(program, "100");
    assert.equal(await next(lines), "batch 1 begins");
    child.kill("SIGTERM");
    assert.equal(await next(lines), "batch 1 ends");
    assert.equal(await next(lines), "stopped");
    assert.deepEqual(await exited, [0, null]);
  });

  test(`a second signal ends the batch that does not: ${basename(program)}`, { timeout: 20_000 }, async () => {
    const { child, lines, exited } = run(program, "1000000");
    assert.equal(await next(lines), "batch 1 begins");
    child.kill("SIGINT");
    // What comes right after the first one counts as the same press of a key.
    const again = setInterval(() => child.kill("SIGINT"), 100);
    assert.equal(await next(lines), "stopped");
    clearInterval(again);
    assert.deepEqual(await exited, [0, null]);
  });
}
