import { isOwnFrame } from "../model/own-frames.ts";

/** The frames that are not ours, of an error and its causes: a function that threw has fifty lines of stack, of which one is the user's. */
export function usersStack(error: unknown): string | undefined {
  const stacks: string[] = [];
  for (let reason = error; reason instanceof Error; reason = reason.cause) stacks.push(usersPart(reason.stack ?? ""));
  return stacks.length > 0 ? stacks.join("\ncaused by ") : undefined;
}

function usersPart(stack: string): string {
  const isOurs = (line: string) => isOwnFrame(line) || /^ +at .*\bnode:/.test(line);
  return stack
    .split("\n")
    .filter((line) => !isOurs(line))
    .join("\n");
}
