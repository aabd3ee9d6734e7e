import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Installation } from "./install.ts";
import { javaExecutable } from "./java.ts";

/** How the JVM is tuned: to be up soon (tests, the demo) or to run fast for long (benchmarks). */
export type Tuning = "start" | "run";

const tuned: Record<Tuning, readonly string[]> = {
  start: ["-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"],
  run: ["-Xms1g", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"],
};

/** The arguments of a JVM that runs one of Kafka's classes. */
export function javaArguments(kafka: Installation, tuning: Tuning, main: string, args: readonly string[]): string[] {
  const archive = existsSync(kafka.classArchive) ? [`-XX:SharedArchiveFile=${kafka.classArchive}`] : [];
  const logging = `-Dlog4j2.configurationFile=${join(import.meta.dirname, "log4j2.properties")}`;
  // An archive of another JVM build is only slower: no word about it.
  const quiet = ["-Xshare:auto", "-Xlog:disable", "-Xlog:all=error:stderr"];
  return [...tuned[tuning], ...archive, ...quiet, logging, "-cp", kafka.classPath, main, ...args];
}

/** One running Java process of Kafka, or of what belongs to it. It ends when this process ends, however that comes about. */
export class KafkaServer {
  readonly #process: ChildProcess;
  readonly #watchdog: ChildProcess;
  readonly #log: string;
  readonly #name: string;

  /** @param folder Removed by the watchdog when this process dies without having stopped the server. */
  constructor(args: readonly string[], log: string, folder: string | undefined, name = "Kafka") {
    this.#log = log;
    this.#name = name;
    const output = openSync(log, "a");
    // Its own process group: Ctrl-C in a terminal reaches us, and we decide in which order things end.
    this.#process = spawn(javaExecutable(), args, { stdio: ["ignore", output, output], detached: true });
    closeSync(output);
    this.#watchdog = watch(this.#process.pid!, folder);
    this.#process.unref();
  }

  get running(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Waits until the server answers as it should; fails with the end of its log when it ends before that. */
  async ready(isReady: () => Promise<boolean>, limitMs = 60_000): Promise<void> {
    const deadline = performance.now() + limitMs;
    while (!(await isReady())) {
      if (!this.running) throw new Error(`${this.#name} ended while starting:\n${await this.#endOfLog()}`);
      if (performance.now() > deadline)
        throw new Error(`${this.#name} is not ready after ${limitMs} ms:\n${await this.#endOfLog()}`);
      await sleep(15);
    }
  }

  /** An orderly shutdown: leaders move to other brokers, logs are closed. */
  stop(): Promise<void> {
    return this.#end("SIGTERM");
  }

  /** A crash. */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.running) {
      const gone = once(this.#process, "exit");
      this.#process.kill(signal);
      const patience = setTimeout(() => this.#process.kill("SIGKILL"), 30_000);
      await gone;
      clearTimeout(patience);
    }
    this.#watchdog.kill("SIGKILL");
  }

  async #endOfLog(): Promise<string> {
    return (await readFile(this.#log, "utf8")).trim().slice(-3_000) || "(it logged nothing)";
  }
}

/**
 * Ends a process when this one is gone, even by SIGKILL: a shell in a session of its own waits for the end of a pipe that
 * only this process holds open.
 */
function watch(pid: number, folder: string | undefined): ChildProcess {
  const script =
    'read -r _; kill -9 "$1" 2>/dev/null; [ -z "$2" ] || { rm -rf "$2"; rmdir "$(dirname "$2")" 2>/dev/null; }';
  const watchdog = spawn("sh", ["-c", script, "sh", String(pid), folder ?? ""], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  // The pipe must stay open, and must not keep this process alive.
  (watchdog.stdin as unknown as { unref(): void }).unref();
  watchdog.unref();
  return watchdog;
}
