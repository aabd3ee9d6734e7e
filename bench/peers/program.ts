import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { type TreeUsage, treeUsage } from "../process-tree.ts";
import type { Command, PeerAnswer } from "./peer.ts";

/** What one pass took: the program's own time, and CPU of its whole process tree as seen from outside. */
export interface Pass {
  readonly batchSeconds: readonly number[];
  readonly digest: string;
  readonly cpuSeconds: number;
}

const SAMPLE_MS = 100;
/** Nothing that is measured takes this long. */
const PATIENCE_MS = 15 * 60_000;

/** A system's program in a process of its own, which makes a pass over the topic whenever it is told to. */
export class Program {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #timer: NodeJS.Timeout;
  #peakRssBytes = 0;

  private constructor(name: string, { file, args, env }: Command) {
    this.#name = name;
    this.#child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"], env: { ...process.env, ...env } });
    this.#child.on("error", () => {}); // it is said when its answer does not come
    this.#child.stdin!.on("error", () => {}); // it may have died; its exit code tells
    this.#answers = createInterface(this.#child.stdout!)[Symbol.asyncIterator]();
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  static async start(name: string, command: Command): Promise<Program> {
    const program = new Program(name, command);
    await program.#next("ready");
    return program;
  }

  /** @param outputTopic Empty when the workload writes none. */
  async pass(outputTopic: string): Promise<Pass> {
    const before = this.#sample();
    this.#child.stdin!.write(`${outputTopic}\n`);
    const { batchSeconds, digest } = await this.#next("pass");
    const cpuSeconds = this.#sample().cpuSeconds - before.cpuSeconds;
    return { batchSeconds, digest, cpuSeconds };
  }

  /** Of the whole tree, the largest sum that was seen. */
  get peakRssBytes(): number {
    return this.#peakRssBytes;
  }

  /** Waits for the end of the process; at once when it does not answer any more. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined) return;
    const gone = once(this.#child, "exit");
    this.#child.stdin!.end();
    const impatience = setTimeout(() => this.#child.kill("SIGKILL"), 30_000);
    await gone;
    clearTimeout(impatience);
  }

  #sample(): TreeUsage {
    const usage = treeUsage(this.#child.pid!);
    this.#peakRssBytes = Math.max(this.#peakRssBytes, usage.rssBytes);
    return usage;
  }

  async #next<T extends PeerAnswer["type"]>(type: T): Promise<Extract<PeerAnswer, { type: T }>> {
    const impatience = setTimeout(() => this.#child.kill("SIGKILL"), PATIENCE_MS);
    const { done, value } = await this.#answers.next();
    clearTimeout(impatience);
    if (done) throw new Error(`${this.#name} ended before it had answered`);
    const answer = parsed(value);
    if (answer?.type !== type) throw new Error(`${this.#name} said ${value}, not ${type}`);
    return answer as Extract<PeerAnswer, { type: T }>;
  }
}

function parsed(line: string): PeerAnswer | undefined {
  try {
    return JSON.parse(line) as PeerAnswer;
  } catch {
    return undefined;
  }
}
