import assert from "node:assert/strict";
import { type ErrorCode, MillraceError } from "millrace";

/** Asserts that somebody is told `code`, in a sentence and with a hint that say these things. */
export async function assertRefused(
  refused: Promise<unknown> | (() => unknown),
  code: ErrorCode,
  message: RegExp,
  hint: RegExp,
): Promise<MillraceError> {
  let told: unknown;
  await assert.rejects(typeof refused === "function" ? async () => refused() : refused, (error) => {
    told = error;
    return true;
  });
  assert(MillraceError.is(told), `no error of ours: ${told}`);
  assert.equal(told.code, code, told.message);
  assert.match(told.message, message);
  assert.match(told.hint, hint);
  for (const text of [told.message, told.hint])
    assert(!/(?<!\b(?:not|is|got|returned) )undefined|\[object/.test(text), `no sentence: ${text}`);
  return told;
}
