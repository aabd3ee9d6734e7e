import assert from "node:assert/strict";
import { test } from "node:test";
import { WaitingNotice } from "../../src/kafka/connection/waiting-notice.ts";

function notice(tried: readonly string[]) {
  const lines: string[] = [];
  return {
    lines,
    waiting: new WaitingNotice(
      (_, message) => void lines.push(message),
      () => tried,
    ),
  };
}

test("a cluster that does not answer is told of after a moment, once, with the reason, and so is its answer", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { lines, waiting } = notice(["kafka:9092"]);
  waiting.begin(10_000);
  waiting.begin(10_000);
  waiting.failed(new Error("connect ECONNREFUSED", { cause: new Error("nobody listens") }));
  t.mock.timers.tick(1_499);
  assert.deepEqual(lines, []);
  t.mock.timers.tick(9_000);
  waiting.end(true);
  assert.deepEqual(lines, [
    "no answer from Kafka yet, asking for up to 10 s: tried kafka:9092; last cause: nobody listens",
  ]);
  waiting.end(true);
  assert.match(lines[1] ?? "", /^Kafka answers again, after /);
});

test("an answer in time is no line, and neither is one that never came: the error tells that", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { lines, waiting } = notice(["kafka:9092"]);
  waiting.begin(10_000);
  waiting.end(true);
  t.mock.timers.tick(10_000);
  assert.deepEqual(lines, []);
  waiting.begin(10_000);
  t.mock.timers.tick(2_000);
  waiting.end(false);
  assert.equal(lines.length, 1);
});
