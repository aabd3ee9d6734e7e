import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { waitUntil } from "../helpers/wait-until.ts";

const examples = join(import.meta.dirname, "../../examples");

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningProgram {
  /** Waits until it has printed this; at once when it already has. */
  printed(what: RegExp): Promise<void>;
  /** What Ctrl-C sends. */
  interrupt(): void;
  /** As head does, which closes what it reads. */
  readNoFurther(): void;
  /** As by `kill -9`. */
  kill(): void;
  readonly ended: Promise<Ended>;
}

/** Starts a program of examples/ as a user does, against the broker of this test run. It ends with the test at the latest. */
export function runExample(t: Pick<TestContext, "after">, program: string, ...args: string[]): RunningProgram {
  const file = join(examples, program);
  const child = spawn(process.execPath, ["--conditions=millrace-source", file, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(() => child.kill("SIGKILL"));
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return {
    async printed(what) {
      const isOver = () => child.exitCode !== null || child.signalCode !== null;
      const told = () => new Error(`${program} has not printed ${what}, but:\n${stdout}${stderr}`);
      // Several programs start their executors at once, on the cores that the tests share.
      const limit = { limitMs: 60_000 };
      await waitUntil(`${program} prints ${what}`, () => what.test(stdout) || isOver(), limit).catch(() => {
        throw told();
      });
      if (!what.test(stdout)) throw told();
    },
    interrupt: () => void child.kill("SIGINT"),
    readNoFurther: () => void child.stdout.destroy(),
    kill: () => void child.kill("SIGKILL"),
    ended,
  };
}
