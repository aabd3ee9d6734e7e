import assert from "node:assert/strict";
import { test } from "node:test";
import type { Master } from "millrace";
import { avro, avroEncoder } from "millrace/avro";
import { SALE, type Sale, TOTAL, type Total } from "../fixtures/jobs/avro-totals.ts";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produce } from "../helpers/produce.ts";
import { runFixture } from "../helpers/run-fixture.ts";
import { valuesOf } from "../helpers/values-of.ts";

for (const master of ["local", "local[2]"] satisfies Master[]) {
  test(`on ${master} a job reads Avro, shuffles it, and writes Avro`, async (t) => {
    const from = await createTopic(t, { partitions: 2 });
    const to = await createTopic(t);
    const encode = avroEncoder<Sale>({ schema: SALE });
    const sales = Array.from({ length: 100 }, (_, i) => ({
      country: ["NL", "DE"][i % 2]!,
      cents: i,
      receipt: Buffer.from([i]),
    }));
    await produce(
      from,
      sales.map((sale, i) => ({ value: encode(sale), partition: i % 2 })),
    );
    const { error } = await runFixture("avro-totals.ts", { master, params: { brokers: bootstrapServers(), from, to } });
    assert.equal(error, undefined);

    const totals = await valuesOf(to, avro<Total>({ schema: TOTAL }));
    const sum = (start: number) => Array.from({ length: 50 }, (_, i) => start + 2 * i).reduce((a, b) => a + b);
    assert.deepEqual(totals.map(({ country, cents, receipts }) => [country, cents, receipts.length]).sort(), [
      ["DE", sum(1), 50],
      ["NL", sum(0), 50],
    ]);
    assert.deepEqual(
      totals.flatMap(({ receipts }) => receipts.map(([i]) => i!)).sort((a, b) => a - b),
      [...sales.keys()],
    );
  });
}
