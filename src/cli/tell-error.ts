import { sentenceOf } from "../model/error-place.ts";
import type { MillraceError } from "../model/errors.ts";
import { usersStack } from "./users-stack.ts";

/** What ended the command, and what to do about it, with the stack if a line of the user's is in it and the log (`logged`) has not shown it. */
export function tellError(error: MillraceError, { logged }: { logged: boolean }): void {
  const stack = logged ? "" : (usersStack(error.cause) ?? "");
  const showsOwnLine = stack.split("\n").some((line) => /^ +at /.test(line) && !line.includes("/node_modules/"));
  const lines = [`${error.code}: ${sentenceOf(error)}`, error.hint, ...(showsOwnLine ? stack.split("\n") : [])];
  process.stderr.write(`${lines.join("\n  ")}\n`);
}
