import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { waitUntil } from "../helpers/wait-until.ts";
import type { DriverMessage, DriverRun } from "./driver/main.ts";

const MAIN = fileURLToPath(new URL("./driver/main.ts", import.meta.url));

/** How a process ended: by itself with a code, or by a signal. */
export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it said at last, such as "FENCED: ...". */
  readonly said: string;
}

/** One driver, as the harness sees it. */
export class DriverProcess {
  readonly #process: ChildProcess;
  readonly #succeeded: DriverMessage[] = [];
  readonly ended: Promise<End>;
  #end: End | undefined;

  constructor(run: DriverRun) {
    const args = ["--conditions=millrace-source", MAIN, JSON.stringify(run)];
    this.#process = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    this.#process.on("message", (message: DriverMessage) => {
      if (message.succeeded) this.#succeeded.push(message);
    });
    let said = "";
    this.#process.stderr!.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4_000);
    });
    this.ended = once(this.#process, "close").then(([code, signal]) => {
      this.#end = { code, signal, said: said.trim() };
      return this.#end;
    });
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** Batches that have succeeded so far, those without records too. */
  get successes(): number {
    return this.#succeeded.length;
  }

  /** Batches with records that have succeeded so far. */
  get batches(): number {
    return this.#succeeded.filter(({ records }) => records > 0).length;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Asks for the end, and takes it when it does not come. */
  async endBy(signal: "SIGKILL" | "SIGTERM", limitMs = 30_000): Promise<End> {
    this.signal(signal);
    const patience = setTimeout(() => this.signal("SIGKILL"), limitMs);
    try {
      return await this.ended;
    } finally {
      clearTimeout(patience);
    }
  }

  /** @returns false when it has ended before, or when it takes too long. */
  async until(what: string, isSo: () => boolean, limitMs: number): Promise<boolean> {
    await waitUntil(what, () => isSo() || this.hasEnded, { limitMs }).catch(() => {});
    return isSo();
  }
}

export const described = ({ code, signal, said }: End): string =>
  signal ?? `exit ${code}${said === "" ? "" : `, ${said.split("\n").at(-1)}`}`;
