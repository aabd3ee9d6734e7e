import { MillraceError } from "./errors.ts";

/** A check returns what is wrong with a value ("must be ..."), or undefined. */
export type Check = (value: unknown) => string | undefined;

export const isInteger =
  (min: number, max = Number.MAX_SAFE_INTEGER): Check =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
      ? undefined
      : `must be a whole number ${max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`}`;

export const isNumber =
  (min: number, max: number): Check =>
  (value) =>
    typeof value === "number" && value >= min && value <= max ? undefined : `must be a number from ${min} to ${max}`;

export const isBoolean: Check = (value) => (typeof value === "boolean" ? undefined : "must be true or false");

export const isText: Check = (value) =>
  typeof value === "string" && value.length > 0 ? undefined : "must be a text that is not empty";

/** What is found again after a restart by its name. */
export const isDurableName: Check = (value) =>
  typeof value === "string" && /^[A-Za-z0-9][A-Za-z0-9-]{0,99}$/.test(value)
    ? undefined
    : "must be letters, digits and dashes, at most 100";

export const isFunction: Check = (value) => (typeof value === "function" ? undefined : "must be a function");

export const isOneOf =
  (...allowed: readonly string[]): Check =>
  (value) =>
    allowed.includes(value as string) ? undefined : `must be one of ${allowed.map((a) => `"${a}"`).join(", ")}`;

/** `postgres://user:password@host:5432/database`. */
export const isPostgresUrl = (value: unknown): boolean =>
  /^postgres(ql)?:$/.test(URL.parse(String(value))?.protocol ?? "");

export const isObject: Check = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? undefined : "must be an object";

/** A text is one too. */
export const isIterable: Check = (value) =>
  value !== null && value !== undefined && Symbol.iterator in Object(value)
    ? undefined
    : "must be an iterable of values";

/** Checked where it is used, by code that knows more. */
export const checkedLater: Check = () => undefined;

/**
 * The one place where options are checked: unknown keys are errors, `undefined` counts as not given.
 * @throws BAD_OPTION
 */
export function checkOptions(owner: string, options: object, checks: { readonly [option: string]: Check }): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    const given = options === null ? "null" : Array.isArray(options) ? "a list" : typeof options;
    throw new MillraceError("BAD_OPTION", `${owner} takes an object of options, not ${given}.`, {
      hint: `Known options: ${Object.keys(checks).join(", ")}.`,
    });
  }
  for (const [option, value] of Object.entries(options)) {
    const check = Object.hasOwn(checks, option) ? checks[option] : undefined;
    if (check === undefined) {
      throw new MillraceError("BAD_OPTION", `${owner} has no option "${option}".`, {
        hint: `${didYouMean(option, Object.keys(checks))}Known options: ${Object.keys(checks).join(", ")}.`,
      });
    }
    const wrong = value === undefined ? undefined : check(value);
    if (wrong !== undefined) {
      throw new MillraceError("BAD_OPTION", `${owner}: "${option}" ${wrong}; it is ${shown(value)}.`, {
        hint: `Correct "${option}" and start again.`,
      });
    }
  }
}

/** An argument that must be given. @throws BAD_OPTION */
export function checkArgument(method: string, argument: string, value: unknown, check: Check, hint: string): void {
  const wrong = check(value);
  if (wrong === undefined) return;
  throw new MillraceError("BAD_OPTION", `${method}: ${argument} ${wrong}; it is ${shown(value)}.`, { hint });
}

/** A value as a sentence names it: whatever it is, and not all of it when it is long. */
export function shown(value: unknown): string {
  if (typeof value === "function") return "a function";
  const withBigints = (_: string, part: unknown) => (typeof part === "bigint" ? `${part}n` : part);
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value, withBigints) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 80)}...` : text;
}

/** `Did you mean "x"? `, or nothing when no name is close, or one the shorter or longer form of the other. */
export function didYouMean(given: string, known: readonly string[]): string {
  const plain = (text: string) => text.toLowerCase().replaceAll(/[^a-z]/g, "");
  const wanted = plain(given);
  const close =
    known.find((name) => plain(name) === wanted || distance(plain(name), wanted) <= 2) ??
    known.find((name) => isPartOf(wanted, plain(name)) || isPartOf(plain(name), wanted));
  return close === undefined ? "" : `Did you mean "${close}"? `;
}

/** `checkpointDir` of `checkpointDirectory`. A few letters are a part of anything. */
const isPartOf = (part: string, whole: string) => part.length >= 5 && whole.includes(part);

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}
