import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { KeyedState } from "../../src/state/keyed-state.ts";
import { decodeState, encodeChanges, encodeSnapshot } from "../../src/state/state-codec.ts";

const identity = { name: "any", kind: "test" };

/** Few keys of every sort, so that they meet: plain, structured, and texts that look like others. */
const key = fc.constantFrom<unknown>(
  1,
  "1",
  null,
  undefined,
  "a longer text than twelve",
  ["1"],
  { a: 1, b: 2 },
  { b: 2, a: 1 },
  [1, ["x"]],
);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("put" as const), key, value: fc.integer() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("remove" as const), key, value: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("write" as const), key, value: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("snapshot" as const), key, value: fc.constant(0) }) },
);

const shown = (state: KeyedState<unknown, number>) =>
  state
    .entries()
    .map(({ key, value, touchedAt }) => [JSON.stringify(key) ?? "undefined", typeof key, value, touchedAt]);

for (const orderedByTouch of [false, true]) {
  test(`what is written of a state ${orderedByTouch ? "ordered by touch " : ""}gives the same state again, in the same order`, () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const state = new KeyedState<unknown, number>(orderedByTouch);
        const model = new Map<string, number>();
        const canonical = (key: unknown) =>
          `${typeof key} ${Array.isArray(key) ? JSON.stringify(key) : key && typeof key === "object" ? "{a1b2}" : String(key)}`;
        let parts: Uint8Array[] = [];
        let time = 0;
        const write = (snapshot: boolean) => {
          const part = snapshot ? encodeSnapshot(state, identity) : encodeChanges(state, identity);
          if (snapshot) parts = [];
          if (part !== undefined) parts.push(part);
          assert.deepEqual(shown(decodeState(parts, identity, orderedByTouch)), shown(state));
        };
        for (const { do: what, key, value } of steps) {
          time++;
          if (what === "put") {
            state.put(key, value, time);
            model.set(canonical(key), value);
          } else if (what === "remove") {
            state.remove(key);
            model.delete(canonical(key));
          } else write(what === "snapshot");
          assert.equal(state.size, model.size);
          assert.equal(state.find(key)?.value, model.get(canonical(key)));
        }
        write(false);
      }),
      { numRuns: 500 },
    );
  });
}

test("a batch that changes nothing writes nothing", () => {
  const state = new KeyedState<string, number>();
  state.put("a", 1, 1);
  assert.notEqual(encodeChanges(state, identity), undefined);
  state.find("a");
  assert.equal(encodeChanges(state, identity), undefined);
});
