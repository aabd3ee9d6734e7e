import pino from "pino";
import pretty from "pino-pretty";
import { MillraceError } from "../model/errors.ts";
import type { Logger } from "../model/events.ts";
import { usersStack } from "./users-stack.ts";

/** To stderr: a line for people on a terminal, JSON lines otherwise. */
export function cliLogger(level: string): Logger {
  const options = { level, base: null, serializers: { err: loggedError } };
  if (!process.stderr.isTTY) return pino(options, pino.destination({ fd: 2, sync: true }));
  return pino(
    options,
    pretty({
      destination: 2,
      sync: true,
      translateTime: "SYS:HH:MM:ss.l",
      // The fields say to programs what the message says to people.
      ...(level !== "debug" && { include: "level,time" }),
      ignore: "err",
      messageFormat: withNewStack(),
      colorize: process.env.NO_COLOR === undefined,
    }),
  );
}

/** The message, and the stack of what was thrown: once, however many tries failed by it. */
function withNewStack(): (log: { [name: string]: unknown }, messageKey: string) => string {
  let told: string | undefined;
  return ({ err, ...log }, messageKey) => {
    const { stack } = (err ?? {}) as { stack?: string };
    // Without a frame it is nobody's line of code, and the message says all of it.
    const isNew = stack !== undefined && stack !== told && /^ +at /m.test(stack);
    if (isNew) told = stack;
    return withoutControls(`${log[messageKey]}${isNew ? `\n${stack.replaceAll(/^/gm, "    ")}` : ""}`);
  };
}

/** What a record holds must not move the cursor. */
function withoutControls(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]/gu, "");
}

/** Ours in what they say, with the stack of what they were caused by. */
function loggedError(error: Error): object {
  if (!MillraceError.is(error)) return pino.stdSerializers.errWithCause(error);
  const { code, message, hint, at } = error;
  // Of ours, all frames tell something.
  if (code === "INTERNAL_ERROR") return pino.stdSerializers.errWithCause(error);
  return { code, message, hint, at: Object.keys(at).length > 0 ? at : undefined, stack: usersStack(error.cause) };
}
