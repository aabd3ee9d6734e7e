import { type ErrorCode, type ErrorPlace, MillraceError } from "./errors.ts";

/** Errors as plain data, so that they look the same wherever they come from: another thread, or this one. */

export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly cause: PlainError | undefined;
  /** Own fields that are plain values: `code`, `errno`, what the user added. */
  readonly fields: { readonly [name: string]: unknown };
  readonly millrace: { readonly code: ErrorCode; readonly hint: string; readonly at: ErrorPlace } | undefined;
}

const CAUSES_MAX = 5;

export function toPlainError(error: unknown, depth = 0): PlainError {
  if (!(error instanceof Error)) {
    const message = messageOf(error);
    return { name: "Error", message, stack: undefined, cause: undefined, fields: {}, millrace: undefined };
  }
  const { name, stack, cause } = error;
  const fields: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(error)) {
    if (["name", "message", "stack", "cause", "code", "hint", "at"].includes(key) && MillraceError.is(error)) continue;
    if (["string", "number", "boolean"].includes(typeof value)) fields[key] = value;
  }
  return {
    name: String(name),
    message: messageOf(error),
    stack: stack === undefined ? undefined : String(stack),
    cause: cause === undefined || depth === CAUSES_MAX ? undefined : toPlainError(cause, depth + 1),
    fields,
    millrace: MillraceError.is(error) ? { code: error.code, hint: error.hint, at: { ...error.at } } : undefined,
  };
}

export function fromPlainError(plain: PlainError): Error {
  const cause = plain.cause === undefined ? undefined : fromPlainError(plain.cause);
  const error =
    plain.millrace === undefined
      ? new Error(plain.message, cause === undefined ? undefined : { cause })
      : new MillraceError(plain.millrace.code, plain.message, { ...plain.millrace, cause });
  error.name = plain.name;
  if (plain.stack !== undefined) error.stack = plain.stack;
  return Object.assign(error, plain.fields);
}

/** A sentence for whatever was thrown: JavaScript throws anything. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return String(thrown.message);
  return typeof thrown === "string" ? thrown : `a value that is no Error was thrown: ${describe(thrown)}`;
}

function describe(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return typeof value;
  }
}
