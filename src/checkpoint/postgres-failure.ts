import { MillraceError } from "../model/errors.ts";
import { codeOfPostgres } from "../postgres/lost-connection.ts";

/** Classes of errors, by the first two signs of Postgres's codes, that another try may not meet: a lost connection, a server that restarts. */
const PASSING = new Set(["08", "40", "53", "55", "57"]);

/** Errors without a code of Postgres come from the connection. */
export function isPassing(error: unknown): boolean {
  const code = codeOfPostgres(error);
  return code === undefined || PASSING.has(code.slice(0, 2));
}

export function failureOf(place: string, error: unknown): MillraceError {
  if (MillraceError.is(error)) return error;
  const { message, code = "" } = error as { message: string; code?: string };
  return new MillraceError("CHECKPOINT_UNUSABLE", `The checkpoint in ${place} cannot be used: ${message || code}`, {
    hint:
      HINTS[code] ??
      "The cause tells what Postgres said. Nothing that was completed is lost; start again when it is mended.",
    cause: error,
  });
}

const HINTS: { readonly [code: string]: string } = {
  "28P01": "Check the user and the password in checkpointDirectory.",
  "28000": "The server does not let this user in: see its pg_hba.conf.",
  "3D000": "Check the name of the database in checkpointDirectory.",
  "25006": "The server is read-only: name the primary in checkpointDirectory.",
  "42P01": "There is no checkpoint in this database. It is made at the first start of a job.",
  "42501":
    "Give this user the right to write to millrace_segments and millrace_checkpoint; for the first start also to make them.",
  ECONNREFUSED: "No server listens there. Check host and port in checkpointDirectory.",
};
