import pino from "pino";
import pretty from "pino-pretty";
import { MillraceError } from "../model/errors.ts";
import type { Logger } from "../model/events.ts";

/** To stderr: readable on a terminal, JSON lines otherwise. */
export function cliLogger(level: string): Logger {
  const options = { level, base: null, serializers: { err: loggedError } };
  if (!process.stderr.isTTY) return pino(options, pino.destination({ fd: 2, sync: true }));
  return pino(
    options,
    pretty({
      destination: 2,
      sync: true,
      translateTime: "SYS:HH:MM:ss.l",
      // For programs: the message says where, to whoever reads it.
      ignore: "err.at",
      colorize: process.env.NO_COLOR === undefined,
    }),
  );
}

const OWN_CODE = new URL("..", import.meta.url).href;

/**
 * Ours in what they say, and the stack of what they were caused by, down to the frames that are not ours: the plain serializer prints fifty
 * lines for a function that threw, of which one is the user's.
 */
function loggedError(error: Error): object {
  if (!MillraceError.is(error)) return pino.stdSerializers.errWithCause(error);
  const { code, message, hint, at, cause } = error;
  const stacks: string[] = [];
  for (let reason = cause; reason instanceof Error; reason = reason.cause) stacks.push(usersPart(reason.stack ?? ""));
  const where = Object.keys(at).length > 0 ? at : undefined;
  return { code, message, hint, at: where, stack: stacks.length > 0 ? stacks.join("\ncaused by ") : undefined };
}

function usersPart(stack: string): string {
  const isOurs = (line: string) => line.includes(OWN_CODE) || line.includes("node:internal/");
  return stack
    .split("\n")
    .filter((line) => !isOurs(line))
    .join("\n");
}
