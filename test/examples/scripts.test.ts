/** The short programs of examples/, run as a user runs them. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createTopic } from "../helpers/kafka.ts";
import { produce } from "../helpers/produce.ts";
import { runExample } from "./run-program.ts";

suite("scripts", { concurrency: true }, () => {
  test("word-count prints the most frequent words of a batch, and ends with Ctrl-C", async (t) => {
    const topic = await createTopic(t, { partitions: 2 });
    await produce(topic, [
      { value: "to be or  not", partition: 0 },
      { value: "to be", partition: 1 },
      { value: "", partition: 1 },
      { value: "be", partition: 0 },
    ]);
    const program = runExample(t, "word-count.ts", topic);
    await program.printed(/\[ 'be', 3 \]\n\[ 'to', 2 \]\n\[ '(or|not)', 1 \]\n\[ '(or|not)', 1 \]\n\n/);
    program.interrupt();
    const { code, stderr } = await program.ended;
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  });

  test("word-count ends quietly when nobody reads any further, like head", async (t) => {
    const topic = await createTopic(t);
    await produce(topic, [{ value: "to be" }]);
    const program = runExample(t, "word-count.ts", topic);
    await program.printed(/\[ 'be', 1 \]/);
    program.readNoFurther();
    const { code, stderr } = await program.ended;
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  });

  test("fixed-ranges reads what stands between the offsets and ends by itself", async (t) => {
    const topic = await createTopic(t, { partitions: 2 });
    await produce(
      topic,
      ["not me, I am before", "a", "ccc", "bb", "dddd", "not me, I am after"].flatMap((value) => [
        { value, partition: 0 },
        { value: `${value}!`, partition: 1 },
      ]),
    );
    const { code, stdout, stderr } = await runExample(t, "fixed-ranges.ts", topic, "1", "5", "0", "1").ended;
    const ranges = [0, 1].map((n) => `OffsetRange(topic: '${topic}', partition: ${n}, range: [1 -> 5])`);
    assert.deepEqual(stdout.trim().split("\n"), [
      `8 records of ${ranges.join(", ")}; the longest:`,
      "dddd!",
      "dddd",
      "ccc!",
    ]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  });

  test("pyspark-seed prints each batch's count and offset ranges, and ends with Ctrl-C", async (t) => {
    const topic = await createTopic(t);
    await produce(topic, [{ value: "a" }, { value: "b" }, { value: "c" }]);
    const program = runExample(t, "pyspark-seed.ts", topic);
    await program.printed(/T[\d:.]+Z 3 \[\s*"OffsetRange\(topic: '[^']+', partition: 0, range: \[0 -> 3\]\)"\s*\]/);
    program.interrupt();
    const { code, stderr } = await program.ended;
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  });
});
