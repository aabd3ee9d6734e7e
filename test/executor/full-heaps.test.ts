import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { BATCHES, WAYS } from "../fixtures/jobs/full-heaps.ts";

const PROGRAM = fileURLToPath(new URL("../fixtures/jobs/full-heaps.ts", import.meta.url));

test("heaps that are full again and again, however they were filled, end their executors and never the process", () => {
  const { stdout, stderr, signal } = spawnSync(process.execPath, ["--conditions=millrace-source", PROGRAM], {
    encoding: "utf8",
  });
  const results = Array.from({ length: BATCHES }, () => JSON.stringify(Array.from({ length: WAYS }, (_, i) => i)));
  assert.deepEqual([stdout.trim().split("\n"), signal], [[...results, String(BATCHES * WAYS)], null], stderr);
});
