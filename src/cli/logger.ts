import pino from "pino";
import pretty from "pino-pretty";
import type { Logger } from "../model/events.ts";

/** To stderr: readable on a terminal, JSON lines otherwise. */
export function cliLogger(level: string): Logger {
  // The plain serializer of errors says the message of a cause a second time: ours have it already.
  const options = { level, base: null, serializers: { err: pino.stdSerializers.errWithCause } };
  if (!process.stderr.isTTY) return pino(options, pino.destination({ fd: 2, sync: true }));
  return pino(
    options,
    pretty({
      destination: 2,
      sync: true,
      translateTime: "SYS:HH:MM:ss.l",
      colorize: process.env.NO_COLOR === undefined,
    }),
  );
}
