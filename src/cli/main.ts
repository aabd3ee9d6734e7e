#!/usr/bin/env node
import { MillraceError } from "../model/errors.ts";
import { run } from "./run.ts";
import { RUN_USAGE } from "./run-options.ts";

/** `millrace <command>`: one file per command. */

const USAGE = `Usage: millrace <command>

  run <job module>   run a job until it is stopped
  help               this text

${RUN_USAGE}`;

/** Of the process: 0 when the job ended well, 1 when it failed, 2 when the command line is wrong. */
async function main([command, ...args]: readonly string[]): Promise<number> {
  switch (command) {
    case "run":
      return run(args);
    case "help":
    case "--help":
    case "-h":
      process.stdout.write(USAGE);
      return 0;
    default:
      process.stderr.write(command === undefined ? USAGE : `There is no command "${command}".\n\n${USAGE}`);
      return 2;
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!MillraceError.is(error)) throw error;
  process.stderr.write(`${error.code}: ${error.message}\n  ${error.hint}\n`);
  process.exitCode = error.code === "BAD_OPTION" ? 2 : 1;
}
