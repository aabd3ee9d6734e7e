import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { isOwnFrame } from "../model/own-frames.ts";

/** `map at job.ts:12:6`: the first place outside this package on the stack. */
export function nameAtCallSite(method: string): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 25;
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, nameAtCallSite);
  Error.stackTraceLimit = limit;
  for (const line of holder.stack?.split("\n").slice(1) ?? []) {
    const match = /((?:file:\/\/|\/|[A-Za-z]:\\)[^)]*):(\d+):(\d+)\)?$/.exec(line);
    if (!match || isOwnFrame(match[1]!)) continue;
    const path = match[1]!.startsWith("file:") ? fileURLToPath(match[1]!) : match[1]!;
    return `${method} at ${basename(path)}:${match[2]}:${match[3]}`;
  }
  return method;
}
