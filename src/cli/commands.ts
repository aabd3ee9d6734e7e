import { MillraceError } from "../model/errors.ts";
import { checkpoint } from "./checkpoint.ts";
import { endProcess } from "./end-process.ts";
import { exitCodeOf } from "./exit-code.ts";
import { run } from "./run.ts";
import { RUN_USAGE } from "./run-options.ts";
import { tellError } from "./tell-error.ts";
import { ownVersion } from "./version.ts";

/** `millrace <command>`: one file per command. */

const USAGE = `Usage: millrace <command>

  run <job module>               run a job until it is stopped
  checkpoint show <directory>    where the streams of a checkpoint stand; also postgres://host/database#name
  checkpoint verify <directory>  read all of a checkpoint and say what is wrong with it
  version                        of this package
  help                           this text

${RUN_USAGE}`;

let atOnce = false;

/** @returns the exit code. */
async function main([command, ...args]: readonly string[]): Promise<number> {
  switch (command) {
    case "run":
      return run(args, () => {
        atOnce = true;
      });
    case "checkpoint":
      return checkpoint(args);
    case "help":
    case "--help":
    case "-h":
      process.stdout.write(USAGE);
      return 0;
    case "version":
    case "--version":
    case "-v":
      process.stdout.write(`${ownVersion()}\n`);
      return 0;
    case undefined:
      process.stderr.write(USAGE);
      return 2;
    default:
      process.stderr.write(`There is no command "${command}".\n  ${hintFor(command)}\n`);
      return 2;
  }
}

function hintFor(command: string): string {
  const isModule = /\.[cm]?[jt]s$/.test(command);
  return isModule ? `A job is run by \`millrace run ${command}\`.` : "`millrace help` lists the commands.";
}

// Whoever reads no further, like head, has seen enough.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});
try {
  endProcess(await main(process.argv.slice(2)), { atOnce });
} catch (error) {
  if (!MillraceError.is(error)) throw error;
  tellError(error, { logged: false });
  endProcess(exitCodeOf(error));
}
