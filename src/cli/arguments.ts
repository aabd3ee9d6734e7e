import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { MillraceError } from "../model/errors.ts";
import { didYouMean } from "../model/options.ts";

/** What stands on the command line, by the options that a command has. @throws BAD_OPTION, with `hint` and the option that was meant. */
export function parseOptions<const O extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: O,
  hint: string,
) {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const unknown = code === "ERR_PARSE_ARGS_UNKNOWN_OPTION" ? /'(-[^']+)'/.exec(message)?.[1] : undefined;
    if (unknown === undefined) throw new MillraceError("BAD_OPTION", `${message}.`, { hint });
    const known = Object.keys(options).map((name) => `--${name}`);
    throw new MillraceError("BAD_OPTION", `There is no option ${unknown}.`, {
      hint: didYouMean(unknown, known) + hint,
    });
  }
}
