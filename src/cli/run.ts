import { createRequire } from "node:module";
import { isAbsolute, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { loadJob } from "../job/load-job.ts";
import { MillraceError } from "../model/errors.ts";
import type { StreamingListener } from "../model/events.ts";
import { runJob } from "../run-job.ts";
import { runChild } from "./child.ts";
import { exitCodeOf } from "./exit-code.ts";
import { cliLogger } from "./logger.ts";
import { ADOPT, parseRunArguments, RUN_USAGE, SUPERVISE, typedParams } from "./run-options.ts";
import { supervise } from "./supervise.ts";
import { tellError } from "./tell-error.ts";

/** `millrace run job.ts`. `forced` is told when a second signal ends the job. @returns the exit code. */
export async function run(args: readonly string[], forced: () => void): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(RUN_USAGE);
    return 0;
  }
  const { module, imports, params, engine, logLevel, progressJson, supervised } = parseRunArguments(args);
  // Worker threads inherit Node's own options, so `--import` must be one of the process, not only of this program.
  const missing = imports.filter((name) => !isPreloaded(name));
  const nodeOptions = [...process.execArgv, ...missing.flatMap((name) => ["--import", name])];
  for (const name of missing) refuseMissingImport(name);
  let adopted = false;
  const child = () => {
    // A checkpoint is adopted once: the driver after a crash goes on with it.
    const given = args.filter((arg) => arg !== SUPERVISE && !(adopted && arg === ADOPT));
    adopted = true;
    return runChild(nodeOptions, ["run", ...given]);
  };
  if (supervised) return supervise(child, cliLogger(logLevel), { standby: engine.standby === true });
  if (missing.length > 0) return (await child()).code;

  const url = pathToFileURL(resolve(module));
  const defaults = (await loadJob(url.href)).params as { readonly [name: string]: unknown };
  const logger = cliLogger(logLevel);
  try {
    const running = await runJob(url, {
      ...engine,
      params: typedParams(params, defaults),
      logger,
      listeners: progressJson ? [progressLines] : [],
      handleSignals: true,
      forced,
    });
    await running.awaitTermination();
    return 0;
  } catch (error) {
    if (!MillraceError.is(error)) throw error;
    tellError(error, { logged: logLevel !== "silent" });
    return exitCodeOf(error);
  }
}

const progressLines: StreamingListener = {
  onProgress: (progress) => void process.stdout.write(`${JSON.stringify(progress)}\n`),
};

/** Else Node says so, in ten lines of its own. What only Node can resolve is left to it. */
function refuseMissingImport(name: string): void {
  try {
    createRequire(join(process.cwd(), "_")).resolve(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND" || /^[a-z]{2,}:/.test(name)) return;
    const isFile = name.startsWith(".") || isAbsolute(name);
    throw new MillraceError("BAD_OPTION", `--import ${name}: there is no such ${isFile ? "file" : "package"}.`, {
      hint: isFile ? "The path is looked up from the working directory." : `npm install ${name}`,
    });
  }
}

function isPreloaded(name: string): boolean {
  return process.execArgv.some(
    (arg, i, all) => arg === `--import=${name}` || (arg === "--import" && all[i + 1] === name),
  );
}
