import assert from "node:assert/strict";
import { test } from "node:test";
import { StateHome } from "../../src/executor/state-home.ts";

test("a state is handed to no task but the one that asks for the version that is held", () => {
  const node = { stateName: "sums", name: "sums", program: { kind: "update", orderedByTouch: false } };
  const version = { from: "1-1-1", to: "1-2-1", parts: undefined, snapshot: false };
  assert.throws(
    () => new StateHome().advance(node as never, version, {} as never, { partition: 0 } as never),
    /sums\/0 is asked for in version 1-1-1, but held is undefined/,
  );
});
