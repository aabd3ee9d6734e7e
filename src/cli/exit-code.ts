import type { MillraceError } from "../model/errors.ts";

/** Of the process: 0 when all went well, 1 when the job failed, 2 when an option is wrong, 3 when another driver has taken over. */
export function exitCodeOf({ code }: MillraceError): number {
  switch (code) {
    case "BAD_OPTION":
      return 2;
    // A supervisor must not restart this one: it would take the checkpoint back.
    case "FENCED":
      return 3;
    default:
      return 1;
  }
}
