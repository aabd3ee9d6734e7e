import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { loadJob } from "../job/load-job.ts";
import { MillraceError } from "../model/errors.ts";
import { runJob } from "../run-job.ts";
import { exitCodeOf } from "./exit-code.ts";
import { cliLogger } from "./logger.ts";
import { parseRunArguments, RUN_USAGE, typedParams } from "./run-options.ts";

/** `millrace run job.ts`. @returns the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(RUN_USAGE);
    return 0;
  }
  const { module, imports, params, engine, logLevel } = parseRunArguments(args);
  const notYet = imports.filter((name) => !isPreloaded(name));
  if (notYet.length > 0) return rerunWith(notYet, args);

  const url = pathToFileURL(resolve(module));
  const defaults = (await loadJob(url.href)).params as { readonly [name: string]: unknown };
  const logger = cliLogger(logLevel);
  try {
    const running = await runJob(url, {
      ...engine,
      params: typedParams(params, defaults),
      logger,
      handleSignals: true,
    });
    await running.awaitTermination();
    return 0;
  } catch (error) {
    // The log has told it, in full; here is what to do.
    if (!MillraceError.is(error)) throw error;
    process.stderr.write(`${error.code}: ${error.message}\n  ${error.hint}\n`);
    return exitCodeOf(error);
  }
}

/** Worker threads inherit Node's own options, so `--import` must be one of this process, not only of this program. */
async function rerunWith(imports: readonly string[], args: readonly string[]): Promise<number> {
  const nodeOptions = [...process.execArgv, ...imports.flatMap((name) => ["--import", name])];
  const main = fileURLToPath(new URL("./main", import.meta.url)) + (import.meta.url.endsWith(".ts") ? ".ts" : ".js");
  const child = spawn(process.execPath, [...nodeOptions, main, "run", ...args], { stdio: "inherit" });
  // From a terminal the child gets Ctrl-C itself; what a supervisor sends comes only here.
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  process.on("SIGTERM", forward);
  process.on("SIGINT", () => {});
  const [code] = await once(child, "exit");
  return code ?? 1;
}

function isPreloaded(name: string): boolean {
  return process.execArgv.some(
    (arg, i, all) => arg === `--import=${name}` || (arg === "--import" && all[i + 1] === name),
  );
}
