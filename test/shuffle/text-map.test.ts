/** Whatever it remembers, a TextMap answers as a Map does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TextMap } from "../../src/shuffle/text-map.ts";

interface Entry {
  readonly key: string;
  count: number;
}

/** Counts texts by both, and compares them when all are counted. */
function countBoth(texts: Iterable<string>, map = new TextMap<Entry>()): void {
  const expected = new Map<string, number>();
  for (const text of texts) {
    expected.set(text, (expected.get(text) ?? 0) + 1);
    const entry = map.get(text);
    if (entry === undefined) map.set(text, { key: text, count: 1 });
    else entry.count++;
  }
  for (const [text, count] of expected) assert.equal(map.get(text)?.count, count, text);
}

function* rounds(count: number, texts: readonly string[]): Generator<string> {
  for (let round = 0; round < count; round++) yield* texts;
}

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `user-${i}`);

test("texts that differ only where nobody looks are told apart", () => {
  // Of 64 characters six are looked at; these differ in others, two by two.
  const texts = Array.from({ length: 300 }, (_, i) => "a".repeat(33) + String(i).padStart(10, "b") + "c".repeat(21));
  countBoth(rounds(50, texts));
});

test("texts of a few samples only are counted, while they are remembered and when that is given up", () => {
  // Only 60 samples: of what changes here, two characters are looked at.
  const minutes = Array.from({ length: 1440 }, (_, i) => new Date(1_760_000_000_000 + i * 60_000).toISOString());
  countBoth(rounds(10, minutes));
  // The same among texts that samples do tell apart.
  countBoth(rounds(10, [...numbered(4000), ...minutes]));
});

test("few texts that come again and again are counted, short and empty ones too", () => {
  countBoth(
    rounds(500, ["", "a", "b", "aa", "ab", "äöü", "日本語", "😀", "\u0000", "a".repeat(1000), ...numbered(20)]),
  );
});

test("with more texts than places each is still found", () => {
  countBoth(rounds(3, numbered(20_000)));
});

test("what was there before it was cleared is there no more", () => {
  const map = new TextMap<Entry>();
  countBoth(rounds(100, numbered(100)), map);
  map.clear();
  for (const text of numbered(100)) assert.equal(map.get(text), undefined);
  countBoth(rounds(100, numbered(100)), map);
});
