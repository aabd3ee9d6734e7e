/** Errors: what they carry, and how they travel as data. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MillraceError } from "millrace";
import { fromPlainError, messageOf, toPlainError } from "../../src/model/error-transfer.ts";

const travel = (error: unknown) => fromPlainError(structuredClone(toPlainError(error)));

test("an error is known by its brand, across copies of the package", () => {
  const error = new MillraceError("STOPPED", "Over.", { hint: "Start again." });
  assert(MillraceError.is(error) && MillraceError.is(error, "STOPPED"));
  assert(!MillraceError.is(error, "FENCED"));
  const copy = Object.assign(new Error("Over."), { code: "STOPPED" });
  assert(!MillraceError.is(copy), "a code alone is not enough");
  Object.defineProperty(copy, Symbol.for("millrace.error"), { value: true });
  assert(MillraceError.is(copy, "STOPPED"));
  for (const no of [undefined, null, "STOPPED", { code: "STOPPED" }]) assert(!MillraceError.is(no));
});

test("an error of ours arrives whole: code, hint, place and cause", () => {
  const cause = new TypeError("inner");
  const at = { operator: "map at job.ts:1:1", topic: "t", partition: 1, offset: 42, batchTime: 5 };
  const error = new MillraceError("TASK_FAILED", "It failed.", { hint: "Correct it.", at, cause });
  const arrived = travel(error);
  assert(MillraceError.is(arrived, "TASK_FAILED"));
  const { name, message, hint, stack } = arrived;
  assert.deepEqual(
    { name, message, hint, stack, at: arrived.at },
    { name: "MillraceError", message: "It failed.", hint: "Correct it.", stack: error.stack, at },
  );
  assert.deepEqual([(arrived.cause as Error).name, (arrived.cause as Error).message], ["TypeError", "inner"]);
});

test("an error of the user's arrives with name, message, stack, cause and plain fields, and as a plain Error", () => {
  class QueryFailed extends Error {
    override readonly name = "QueryFailed";
    readonly code = "23505";
    readonly retry = false;
    readonly rows = 3;
    readonly client = { query() {} };
  }
  const error = new QueryFailed("duplicate key", { cause: "the text that was thrown before" });
  const arrived = travel(error) as Error & Record<string, unknown>;
  assert.equal(Object.getPrototypeOf(arrived), Error.prototype);
  const { name, message, stack, code, retry, rows, client } = arrived;
  assert.deepEqual(
    { name, message, stack, code, retry, rows, client },
    {
      name: "QueryFailed",
      message: "duplicate key",
      stack: error.stack,
      code: "23505",
      retry: false,
      rows: 3,
      client: undefined,
    },
  );
  assert.equal((arrived.cause as Error).message, "the text that was thrown before");
});

test("causes that go in a circle, or very deep, come to an end", () => {
  const circle = new Error("round");
  circle.cause = circle;
  assert.equal(travel(circle).message, "round");
  let depth = 0;
  for (let error: unknown = travel(circle); error instanceof Error; error = error.cause) depth++;
  assert(depth <= 6, `${depth} causes`);
});

test("odd errors still become data", () => {
  const odd = Object.assign(new Error("x"), { message: { not: "a text" }, name: () => "f", stack: 5 });
  assert.equal(travel(odd).message, "[object Object]");
  for (const [thrown, message] of [
    ["text", "text"],
    [null, "a value that is no Error was thrown: null"],
    [undefined, "a value that is no Error was thrown: undefined"],
    [{ a: 1 }, 'a value that is no Error was thrown: {"a":1}'],
    [Object.create(null), "a value that is no Error was thrown: {}"],
  ] as const) {
    assert.equal(messageOf(thrown), message);
    assert.equal(travel(thrown).message, message);
  }
});
