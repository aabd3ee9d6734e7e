import { sentenceOf } from "../model/error-place.ts";
import type { MillraceError } from "../model/errors.ts";
import { usersStack } from "./users-stack.ts";

/** What ended the command, and what to do about it. `logged` when the log has shown the stack. */
export function tellError(error: MillraceError, { logged }: { logged: boolean }): void {
  const stack = logged ? undefined : usersStack(error.cause);
  const lines = [`${error.code}: ${sentenceOf(error)}`, error.hint, ...(stack?.split("\n") ?? [])];
  process.stderr.write(`${lines.join("\n  ")}\n`);
}
