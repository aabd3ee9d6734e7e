import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";

/** What would keep this process alive, by kind: sockets, timers, threads. Pipes are the test runner's. */
function openResources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    if (kind === "Immediate" || kind === "PipeWrap" || kind === "TTYWrap") continue;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

/**
 * Fails the test when it leaves a socket, a timer or a thread behind. Call it first in the test and clean up inside the test
 * (`await using`, `finally`): hooks run in the order they were added, so what a later `t.after` closes counts as left.
 */
export function assertNothingLeft(t: Pick<TestContext, "after">): void {
  const before = openResources();
  t.after(async () => {
    const deadline = performance.now() + 1_000; // what is closed may take a few turns to be gone
    let left = surplus(before);
    while (left.length > 0 && performance.now() < deadline) {
      await nextTurn();
      left = surplus(before);
    }
    assert.deepEqual(left, [], "the test left these open");
  });
}

function surplus(before: ReadonlyMap<string, number>): string[] {
  return [...openResources()].flatMap(([kind, count]) =>
    Array(Math.max(0, count - (before.get(kind) ?? 0))).fill(kind),
  );
}
