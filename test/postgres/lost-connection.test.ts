import assert from "node:assert/strict";
import { test } from "node:test";
import { isPassing } from "../../src/checkpoint/postgres-failure.ts";
import { isOfConnection } from "../../src/postgres/lost-connection.ts";

const withCode = (code?: string) => Object.assign(new Error("it failed"), code !== undefined && { code });

test("a lost connection is told from what a statement did, also where the code of the system has five letters", () => {
  const lost = [undefined, "EPIPE", "ECONNRESET", "57P01", "57P05", "08006"];
  const ofStatements = ["23505", "42P01", "P0001", "XX000", "40P01", "57014"];
  for (const code of lost) assert.ok(isOfConnection(withCode(code)), code);
  for (const code of ofStatements) assert.ok(!isOfConnection(withCode(code)), code);
});

test("a checkpoint in Postgres tries again what a lost connection, a conflict or a busy server made fail", () => {
  for (const code of [undefined, "EPIPE", "57P01", "08006", "40001", "53300", "55P03"]) {
    assert.ok(isPassing(withCode(code)), code);
  }
  for (const code of ["42P01", "42501", "P0001"]) assert.ok(!isPassing(withCode(code)), code);
});
