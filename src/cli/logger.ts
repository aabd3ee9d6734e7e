import { createRequire } from "node:module";
import { MillraceError } from "../model/errors.ts";
import type { Logger } from "../model/events.ts";
import type { LogLevel } from "./run-options.ts";
import { usersStack } from "./users-stack.ts";

const require = createRequire(import.meta.url);
const loadPino = () => (require("pino") as typeof import("pino")).pino;
const loadPretty = () => (require("pino-pretty") as typeof import("pino-pretty")).build;

type Level = keyof Logger;
const LEVELS: readonly Level[] = ["debug", "info", "warn", "error"];

/**
 * To stderr: a line for people on a terminal, JSON lines otherwise. What writes them is loaded with the first line, which takes 15 to 25 ms: by then
 * the threads of a job are on their way.
 */
export function cliLogger(level: LogLevel): Logger {
  let opened: Logger | undefined;
  const told = level === "silent" ? [] : LEVELS.slice(LEVELS.indexOf(level));
  const at = (own: Level) => (fields: object, message?: string) => {
    if (!told.includes(own)) return;
    opened ??= openLogger(level);
    opened[own](fields, message);
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function openLogger(level: LogLevel): Logger {
  const pino = loadPino();
  const options = { level, base: null, serializers: { err: loggedError } };
  if (!process.stderr.isTTY) return pino(options, pino.destination({ fd: 2, sync: true }));
  const pretty = loadPretty();
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
  const { errWithCause } = loadPino().stdSerializers;
  if (!MillraceError.is(error)) return errWithCause(error);
  const { code, message, hint, at } = error;
  // Of ours, all frames tell something.
  if (code === "INTERNAL_ERROR") return errWithCause(error);
  return { code, message, hint, at: Object.keys(at).length > 0 ? at : undefined, stack: usersStack(error.cause) };
}
