import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckpointStore } from "../../src/checkpoint/store.ts";

/** What every checkpoint store must keep. `make` gives a store on a fresh place, `again` another one on the place of the last. */
export function storeContract(
  name: string,
  make: () => Promise<CheckpointStore>,
  again: () => Promise<CheckpointStore>,
): void {
  const bytes = (text: string) => Buffer.from(text);

  test(`${name}: a segment is created once, whoever else tries`, async () => {
    const store = await make();
    const other = await again();
    const results = await Promise.all([store.create("a"), other.create("a"), store.create("a"), other.create("a")]);
    assert.deepEqual(results.filter(Boolean), [true]);
    assert.deepEqual([await store.create("a"), await other.create("a")], [false, false], "nor later");
    assert.deepEqual(await other.list(), ["a"]);
    await Promise.all([store.close(), other.close()]);
  });

  test(`${name}: what was appended is read back, also by another store`, async () => {
    const store = await make();
    await store.create("a");
    await store.append("a", 0, bytes("hello "));
    await store.append("a", 6, bytes("world"));
    const other = await again();
    assert.equal(Buffer.from(await other.read("a")).toString(), "hello world");
    await Promise.all([store.close(), other.close()]);
  });

  test(`${name}: a part of a segment can be read, and what goes beyond its end is left out`, async () => {
    const store = await make();
    await store.create("a");
    await store.append("a", 0, bytes("hello world"));
    const part = async (position: number, length: number) =>
      Buffer.from(await store.read("a", { position, length })).toString();
    assert.equal(await part(6, 3), "wor");
    assert.equal(await part(6, 50), "world");
    assert.equal(await part(11, 5), "");
    await store.close();
  });

  test(`${name}: a deleted segment is gone, and deleting it again is no error`, async () => {
    const store = await make();
    await store.create("a");
    await store.delete("a");
    await store.delete("a");
    assert.deepEqual(await store.list(), []);
    await assert.rejects(store.read("a"));
    await store.close();
  });
}
