import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import type { Answer, Heat } from "./contest.ts";
import { type ProcessUsage, usageOf, watchProcess } from "./process-watch.ts";

export type Pass = Extract<Answer, { type: "pass" }>;

/** Which millrace is measured: the package as it is published, which must be built, or the sources. */
export type Build = "package" | "sources";

export const nodeOptions: Readonly<Record<Build, readonly string[]>> = {
  package: [],
  sources: ["--conditions=millrace-source"],
};

/** A competitor in a process of its own, which makes a pass over the topic whenever it is told to. */
export class Competitor {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #answers: AsyncIterator<string>;
  readonly #usage: ReturnType<typeof watchProcess>;

  private constructor(name: string, heat: Heat, build: Build) {
    this.#name = name;
    const entry = join(import.meta.dirname, name, "main.ts");
    this.#child = spawn(process.execPath, [...nodeOptions[build], entry, JSON.stringify(heat)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child.stdin!.on("error", () => {}); // it may have died; its exit code tells
    this.#usage = watchProcess(this.#child);
    this.#lines = createInterface(this.#child.stdout!);
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  /** @param name The folder of its main.ts. */
  static async start(name: "limit" | "engine", heat: Heat, build: Build): Promise<Competitor> {
    const competitor = new Competitor(name, heat, build);
    await competitor.#next("ready");
    return competitor;
  }

  async pass(): Promise<Pass> {
    this.#child.stdin!.write("pass\n");
    return await this.#next("pass");
  }

  /** Resident now, in bytes. */
  get rssBytes(): number {
    return usageOf(this.#child.pid!)?.rssBytes ?? 0;
  }

  /** Waits for the end of the process. */
  async end(): Promise<ProcessUsage> {
    this.#child.stdin!.end();
    const usage = await this.#usage;
    if (usage.exitCode !== 0) throw new Error(`${this.#name} ended with ${usage.exitCode}`);
    return usage;
  }

  async #next<T extends Answer["type"]>(type: T): Promise<Extract<Answer, { type: T }>> {
    const { done, value } = await this.#answers.next();
    if (done) {
      if (this.#child.exitCode === null) await once(this.#child, "exit");
      throw new Error(`${this.#name} ended with ${this.#child.exitCode} before it had answered`);
    }
    const answer = JSON.parse(value) as Answer;
    if (answer.type !== type) throw new Error(`${this.#name} said ${value}, not ${type}`);
    return answer as Extract<Answer, { type: T }>;
  }
}
