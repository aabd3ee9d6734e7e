import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import type { DecodeSource, SliceableBuffer } from "../../src/decoders/index.ts";
import { LearnedLayouts } from "../../src/decoders/json/learned-layouts.ts";

/** Records one behind the other, as in a chunk, each with a byte of framing before it. */
class Chunk implements DecodeSource {
  readonly buffer: SliceableBuffer;
  readonly textStart = 0;
  readonly #ends: number[] = [];
  readonly #isAscii: boolean;
  readonly #text: string;

  constructor(records: readonly (string | Uint8Array)[]) {
    const pieces: Uint8Array[] = [];
    let end = 0;
    for (const record of records) {
      const bytes = Buffer.from(record as string);
      pieces.push(Buffer.of(0x80), bytes);
      end += 1 + bytes.length;
      this.#ends.push(end);
    }
    const contents = pieces.filter((_, index) => index % 2 === 1);
    this.#isAscii = contents.every((bytes) => bytes.every((byte) => byte < 0x80));
    this.buffer = Buffer.concat(pieces) as SliceableBuffer;
    this.#text = this.buffer.latin1Slice(0, this.buffer.length);
  }

  *parsedBy(layouts: LearnedLayouts): Generator<unknown> {
    let start = 0;
    for (const end of this.#ends) {
      yield outcomeOf(() => layouts.parse(this, start + 1, end));
      start = end;
    }
  }

  latin1Text = () => this.#text;
  asciiText = () => (this.#isAscii ? this.#text : undefined);
  contextOf = () => assert.fail("nobody asks for a context");
}

/** With the order of names, which equality leaves out. */
function outcomeOf(parse: () => unknown): unknown {
  try {
    const value = parse();
    return { value, text: JSON.stringify(value) };
  } catch (error) {
    return String(error);
  }
}

const expected = (record: string | Uint8Array) => outcomeOf(() => JSON.parse(Buffer.from(record as string).toString()));

function assertParsed(layouts: LearnedLayouts, records: readonly (string | Uint8Array)[]): void {
  assert.deepStrictEqual([...new Chunk(records).parsedBy(layouts)], records.map(expected));
}

/** One that knows how these are laid out. */
function taught(...samples: string[]): LearnedLayouts {
  const layouts = new LearnedLayouts();
  assertParsed(layouts, [...samples, ...samples]);
  return layouts;
}

/** How many texts went to JSON.parse meanwhile. */
function callsOfJsonParse(during: () => void): number {
  const { parse } = JSON;
  let calls = 0;
  JSON.parse = (...args) => {
    calls++;
    return parse(...args);
  };
  try {
    during();
  } finally {
    JSON.parse = parse;
  }
  return calls;
}

const parseAll = (layouts: LearnedLayouts, records: readonly string[]) => {
  for (const _ of new Chunk(records).parsedBy(layouts));
};

const values = [
  ..."0 -0 7 -7 10 01 -01 00 1.5 -1.5 0.1 -0.0 1. .5 - -- +1 1e5 1E-7 1e 1.5e300 1e999 0.1e1".split(" "),
  ..."123456789012345 1234567890123456 9007199254740993 0.1234567890123456 12345678.1234567 3.141592653589793".split(
    " ",
  ),
  ..."5e-324 1.7976931348623157e308 0.30000000000000004 100000000000000000000000 1x 1,2 0x10 NaN Infinity".split(" "),
  ..."true false null tru nul falsey truex True undefined".split(" "),
  ...[
    '""',
    '"a"',
    '"thirteen chars"',
    '"ä"',
    '"日本語 and more"',
    '"😀"',
    '"\\n"',
    '"\\u0041"',
    '"\\ud83d\\ude00"',
    '"\\ud800"',
  ],
  ...['"\\"', '"\\\\"', '"\\x"', '"\n"', '"\u0000"', '"\u007f"', '"\u2028"', '"open', 'close"', '"a""b"'],
  ...[
    "[]",
    "[ ]",
    "[1]",
    "[1,2.5,-3]",
    "[1, 2]",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[",
    "]",
    '["a","ä","long enough to be cut"]',
    "[[1],[2]]",
  ],
  ...[
    "{}",
    '{"b":1}',
    '{"b":[{"c":1}]}',
    "{",
    "}",
    '{"b"}',
    "{b:1}",
    '{"b":1,}',
    '[{"c":1},{"c":2}]',
    '[{"c":1},{"d":2}]',
    '[{"c":1]}',
  ],
  ...["", " 1", "1 ", "\t1\n", "1}", '1,"b":2', '1,"a":2', '"]"', '"}"', '[{"c":"]"}]', '[{"c":"\\"]"}]'],
];

test("whatever stands where a value was, the record is what JSON.parse makes of it", () => {
  const teachers = ["1", '"text"', "null", "[1]", '[{"c":1}]', '{"b":1}', '[{"c":[{"c":1}]}]'];
  for (const teacher of teachers) {
    for (const [before, behind] of [
      ['{"a":', "}"],
      ['{"z":0,"a":', ',"y":{"x":true}}'],
      ['{ "a" : ', " }\n"],
    ] as const) {
      assertParsed(
        taught(before + teacher + behind),
        values.map((value) => before + value + behind),
      );
    }
  }
});

test("any records of a producer, and any damage to them, are what JSON.parse makes of them", () => {
  const producer = fc.record({
    names: fc.uniqueArray(fc.oneof(fc.string(), fc.constantFrom("id", "at", "__proto__", "constructor", "1", "ä")), {
      minLength: 1,
      maxLength: 6,
    }),
    space: fc.constantFrom("", " ", "\t"),
  });
  const element = fc.oneof(
    fc.jsonValue({ maxDepth: 1 }),
    fc.record({ sku: fc.string(), n: fc.double() }, { requiredKeys: [] }),
  );
  const value = fc.oneof({ weight: 3, arbitrary: fc.jsonValue({ maxDepth: 2 }) }, fc.array(element));
  const damage = fc.record({ record: fc.nat(), position: fc.nat(), byte: fc.nat(255), cut: fc.boolean() });
  fc.assert(
    fc.property(
      producer,
      fc.array(fc.array(value, { minLength: 6, maxLength: 6 }), { minLength: 4, maxLength: 12 }),
      fc.array(damage, { maxLength: 6 }),
      ({ names, space }, rows, damages) => {
        const records: Buffer[] = rows.map((row) =>
          Buffer.from(
            JSON.stringify(Object.fromEntries(names.map((name, index) => [name, row[index]])), undefined, space),
          ),
        );
        // Twice, so that each layout is learned before it comes again.
        const all = [...records, ...records, ...records.map((record) => Buffer.from(record))];
        for (const { record, position, byte, cut } of damages) {
          const index = 2 * records.length + (record % records.length);
          const bytes = all[index]!;
          if (cut) all[index] = bytes.subarray(0, position % (bytes.length + 1));
          else if (bytes.length > 0) bytes[position % bytes.length] = byte;
        }
        assertParsed(new LearnedLayouts(), all);
      },
    ),
    { numRuns: 200 },
  );
});

test("a record that ends too early is not completed by the next one", () => {
  const layouts = taught('{"a":1,"b":"x"}', '{"a":[1]}');
  assertParsed(layouts, [
    '{"a":1,"b":"x',
    '"}',
    '{"a":[1',
    "]}",
    '{"a":1',
    '1,"b":"x"}',
    '{"a":1,"b":"',
    'x"}',
    '{"a":',
  ]);
  // Nothing at all between them.
  const [first, second] = ['{"a":1,"b":"x', '"}'];
  const together = new Chunk([first + second]);
  assert.throws(() => layouts.parse(together, 1, 1 + first.length), SyntaxError);
});

test("names that a program would take differently are left to JSON.parse", () => {
  for (const record of [
    '{"__proto__":{"x":1}}',
    '{"a":1,"a":2}',
    '{"\\u0061":1}',
    '[{"__proto__":1}]',
    '{"a":[{"b":1,"b":2}]}',
  ]) {
    assertParsed(taught(record), [record]);
  }
});

test("what is nested deeply does not end the stack", () => {
  const layouts = taught('{"a":[{"a":[]}]}', '{"a":[{"a":{"a":null}}]}');
  for (const [open, close] of [
    ['{"a":', "}"],
    ['[{"a":', "}]"],
    ["[", "]"],
  ] as const) {
    const depth = 5000;
    const deep = `{"a":${open.repeat(depth)}1${close.repeat(depth)}}`;
    let value = [...new Chunk([deep]).parsedBy(layouts)].length;
    assert.equal(value, 1);
    for (let next: unknown = layouts.parse(new Chunk([deep]), 1, 1 + deep.length); next !== 1; value++) {
      next = Object.values(next as object)[0];
    }
    assert.ok(value > depth);
  }
});

test("only records of an unknown layout take the ordinary way", () => {
  const layouts = taught('{"id":1,"tags":["a"],"items":[{"sku":"x","n":1}]}', '{"id":1,"note":"n"}');
  const known = [
    '{"id":2.25,"tags":["b","also one that is longer","ü"],"items":[{"sku":null,"n":-2},{"sku":true,"n":3}]}',
    '{"id":"three","note":null}',
    '{"id":-4,"tags":[],"items":[]}',
  ];
  assert.equal(
    callsOfJsonParse(() => parseAll(layouts, known)),
    0,
  );
  const unknown = ['{"id":1}', '{"id":1,"note":"n","more":1}', '{"id": 1,"note":"n"}'];
  assert.equal(
    callsOfJsonParse(() => parseAll(layouts, unknown)),
    unknown.length,
  );
  assert.equal(
    callsOfJsonParse(() => parseAll(layouts, unknown)),
    unknown.length,
    "learned when they come again",
  );
  assert.equal(
    callsOfJsonParse(() => parseAll(layouts, unknown)),
    0,
  );
});

test("when the producer lays its records out anew, that is learned", () => {
  const layouts = new LearnedLayouts();
  const odd = Array.from({ length: 100 }, (_, i) => `{"odd${i}":1}`);
  parseAll(layouts, [...odd, ...Array<string>(10_000).fill('{"before":1}')]);
  parseAll(layouts, Array<string>(20_000).fill('{"after":1}'));
  assert.equal(
    callsOfJsonParse(() => parseAll(layouts, ['{"after":2}', '{"after":3}'])),
    0,
  );
});

test("a value keeps no more of the fetched bytes alive than its own record", () => {
  const program = `
    import { LearnedLayouts } from ${JSON.stringify(new URL("../../src/decoders/json/learned-layouts.ts", import.meta.url))};
    const layouts = new LearnedLayouts();
    const kept = [];
    const filler = "x".repeat(100_000);
    for (let i = 0; i < 400; i++) {
      const record = JSON.stringify({ id: "a value of more than thirteen characters " + i });
      const buffer = Buffer.from(record + filler);
      const source = { buffer, textStart: 0, latin1Text: () => text, asciiText: () => text };
      const text = buffer.latin1Slice(0, buffer.length);
      kept.push(layouts.parse(source, 0, record.length));
    }
    globalThis.gc();
    process.stdout.write(String(process.memoryUsage().heapUsed / 1e6) + " " + kept.length);
  `;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ["--expose-gc", "--conditions=millrace-source", "--input-type=module-typescript", "-e", program],
    { encoding: "utf8" },
  );
  // All of the texts are 40 MB.
  assert.ok(Number(stdout.split(" ")[0]) < 20, stdout + stderr);
});

test("where Node must not make programs at run time, JSON.parse does it all", () => {
  const program = `
    import { LearnedLayouts } from ${JSON.stringify(new URL("../../src/decoders/json/learned-layouts.ts", import.meta.url))};
    const layouts = new LearnedLayouts();
    const buffer = Buffer.from('{"a":1}');
    const source = { buffer, textStart: 0, latin1Text: () => '{"a":1}', asciiText: () => '{"a":1}' };
    for (let i = 0; i < 5; i++) process.stdout.write(JSON.stringify(layouts.parse(source, 0, buffer.length)));
  `;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      "--disallow-code-generation-from-strings",
      "--conditions=millrace-source",
      "--input-type=module-typescript",
      "-e",
      program,
    ],
    { encoding: "utf8" },
  );
  assert.equal(stdout, '{"a":1}'.repeat(5), stderr);
});
