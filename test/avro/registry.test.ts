import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Master } from "millrace";
import { type ConfluentAvroOptions, confluentAvro, confluentAvroEncoder } from "millrace/avro";
import { freePorts } from "../../dev/kafka/ports.ts";
import { type LocalRegistry, startRegistry } from "../../dev/registry/index.ts";
import type { EncodePlace } from "../../src/model/encoder.ts";
import { SALE, type Sale, type Total } from "../fixtures/jobs/avro-totals.ts";
import { KEY_STORE_PASSWORD, makeCertificate } from "../helpers/certificate.ts";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produce } from "../helpers/produce.ts";
import { runFixture } from "../helpers/run-fixture.ts";
import { valuesOf } from "../helpers/values-of.ts";
import { openGate } from "./registry-gate.ts";

let registry: LocalRegistry;
const folder = mkdtempSync(join(tmpdir(), "millrace-avro-"));

before(async () => {
  registry = await startRegistry();
});

after(async () => {
  await registry?.stop();
  rmSync(folder, { recursive: true });
});

const point = (...fields: string[]) => ({
  type: "record",
  name: "Point",
  fields: fields.map((name) => ({ name, type: "int", default: 0 })),
});

async function encoded(schema: object, value: unknown, topic: string, more = {}): Promise<Uint8Array> {
  const encoder = confluentAvroEncoder<unknown>({ registry: registry.url, schema, register: true, ...more });
  return (await encoderFor(encoder, { topic, field: "value" }))(value) as Uint8Array;
}

async function encoderFor<T>(encoder: ReturnType<typeof confluentAvroEncoder<T>>, place: EncodePlace) {
  assert(typeof encoder === "object");
  return encoder.prepare(place);
}

const post = async (path: string, body: object, method = "POST") => {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${registry.url}/${path}`, { method, headers, body: JSON.stringify(body) });
  const text = await answer.text();
  assert(answer.ok, text);
  return JSON.parse(text) as { id: number };
};

test("a topic may hold records of several writers' schemas, each read by its own or by yours", async (t) => {
  const topic = await createTopic(t);
  const records = [
    await encoded(point("x"), { x: 1 }, topic),
    await encoded(point("x", "y"), { x: 2, y: 3 }, topic),
    await encoded(point("x"), { x: 4 }, topic),
  ];
  await produce(
    topic,
    records.map((value) => ({ value })),
  );
  const options = { registry: registry.url };
  assert.deepEqual(await valuesOf(topic, confluentAvro<object>(options)), [{ x: 1 }, { x: 2, y: 3 }, { x: 4 }]);
  assert.deepEqual(await valuesOf(topic, confluentAvro<object>({ ...options, reader: point("y", "z") })), [
    { y: 0, z: 0 },
    { y: 3, z: 0 },
    { y: 0, z: 0 },
  ]);
});

test("what is written begins with a zero byte and the id that the registry gave", async (t) => {
  const topic = await createTopic(t);
  const bytes = Buffer.from(await encoded(point("x"), { x: 1 }, topic));
  const { id } = await post(`subjects/${topic}-value`, { schema: JSON.stringify(point("x")) });
  assert.deepEqual([bytes[0], bytes.readInt32BE(1), [...bytes.subarray(5)]], [0, id, [2]]);
});

for (const master of ["local", "local[2]"] satisfies Master[]) {
  test(`on ${master} a job reads and writes by a registry, and asks for each id once per executor`, async (t) => {
    const from = await createTopic(t, { partitions: 4 });
    const to = await createTopic(t);
    await using gate = await openGate(registry.url);
    const wider = { ...SALE, fields: [...SALE.fields, { name: "note", type: "string", default: "" }] };
    const sales = Array.from({ length: 200 }, (_, i) => ({
      country: "NL",
      cents: i,
      receipt: Buffer.from([i]),
      note: "n",
    }));
    const writers = await Promise.all(
      [SALE, wider].map(async (schema) =>
        encoderFor(confluentAvroEncoder<Sale>({ registry: registry.url, schema, register: true }), {
          topic: from,
          field: "value",
        }),
      ),
    );
    await produce(
      from,
      sales.map((sale, i) => ({ value: writers[i % 3 === 0 ? 0 : 1]!(sale), partition: i % 4 })),
    );
    const { error } = await runFixture("avro-totals.ts", {
      master,
      params: { brokers: bootstrapServers(), from, to, registry: gate.url },
    });
    assert.equal(error, undefined);
    const [total, ...others] = await valuesOf(to, confluentAvro<Total>({ registry: registry.url }));
    assert.deepEqual([total!.country, total!.cents, others], ["NL", (199 * 200) / 2, []]);
    assert.deepEqual(
      total!.receipts.map(([i]) => i!).sort((a, b) => a - b),
      [...sales.keys()],
    );
    const executors = master === "local" ? 1 : 2;
    const asked = Map.groupBy(gate.requests, (request) => request);
    const ids = [...asked.keys()].filter((request) => request.startsWith("GET /schemas/ids/"));
    assert.equal(ids.length, 2);
    for (const id of ids) assert(asked.get(id)!.length <= executors, `${id}: ${asked.get(id)!.length} times`);
    assert(asked.get(`POST /subjects/${to}-value/versions`)!.length <= executors);
  });
}

test("who asks for the same id at the same time shares one request", async (t) => {
  const topic = await createTopic(t);
  await using gate = await openGate(registry.url);
  const value = await encoded(point("x"), { x: 7 }, topic);
  const decoder = confluentAvro<object>({ registry: gate.url });
  assert(typeof decoder === "object");
  await Promise.all([decoder.prepare!([value, null, value]), decoder.prepare!([value])]);
  await decoder.prepare!([value]);
  assert.equal(gate.requests.length, 1);
  assert.deepEqual(decoder.decode(value, undefined as never), { x: 7 });
});

test("schemas that refer to others are read with them", async (t) => {
  const topic = await createTopic(t);
  await post(`subjects/${topic}-point/versions`, { schema: JSON.stringify(point("x")) });
  const line = {
    type: "record",
    name: "Line",
    fields: [
      { name: "from", type: "Point" },
      { name: "to", type: "Point" },
    ],
  };
  const references = [{ name: "Point", subject: `${topic}-point`, version: 1 }];
  await post(`subjects/${topic}-line/versions`, { schema: JSON.stringify(line), references });
  const shape = {
    type: "record",
    name: "Shape",
    fields: [
      { name: "side", type: "Line" },
      { name: "centre", type: "Point" },
    ],
  };
  const { id } = await post(`subjects/${topic}-value/versions`, {
    schema: JSON.stringify(shape),
    references: [{ name: "Line", subject: `${topic}-line`, version: 1 }, ...references],
  });
  await produce(topic, [{ value: Buffer.from([0, 0, 0, id >> 8, id & 0xff, 2, 4, 6]) }]);
  assert.deepEqual(await valuesOf(topic, confluentAvro<object>({ registry: registry.url })), [
    { side: { from: { x: 1 }, to: { x: 2 } }, centre: { x: 3 } },
  ]);
});

test("a record that names an unknown schema, or is in another format, is told with its offset", async (t) => {
  const good = await encoded(point("x"), { x: 1 }, "good");
  const failing = async (value: Uint8Array, options: Partial<ConfluentAvroOptions> = {}) => {
    const topic = await createTopic(t);
    await produce(topic, [{ value: good }, { value }]);
    return assert.rejects(valuesOf(topic, confluentAvro({ registry: registry.url, ...options })), (error: Error) => {
      assert.equal((error as { code?: string }).code, "DECODE_FAILED");
      assert.match(
        error.message,
        new RegExp(`^The value of the record at offset 1 of ${topic}-0 could not be decoded: `),
      );
      message = error.message;
      return true;
    });
  };
  let message = "";
  await failing(Buffer.from([0, 0, 15, 66, 63, 2]));
  assert.match(message, /the registry at http:\S+ has no schema 999999 \(404: .*\)$/);
  await failing(Buffer.from('{"x":1}'));
  assert.match(
    message,
    /not in Confluent's format: it begins with the byte 123, not with a zero byte and a schema id$/,
  );
  await failing(Buffer.from([0, 0]));
  assert.match(message, /not in Confluent's format: it has 2 bytes/);
  await failing(await encoded({ type: "string" }, "text", "texts"), { reader: point("x") });
  assert.match(
    message,
    /its schema \d+ of the registry at http:\S+ cannot be used: what was written as string cannot be read as Point$/,
  );
});

test("a registry in trouble is asked again, and one that stays away is an error with its address", async (t) => {
  const topic = await createTopic(t);
  await produce(topic, [{ value: await encoded(point("x"), { x: 1 }, topic) }]);
  await using gate = await openGate(registry.url);
  gate.trouble = 2;
  assert.deepEqual(await valuesOf(topic, confluentAvro<object>({ registry: gate.url })), [{ x: 1 }]);
  assert.equal(gate.requests.length, 3);

  gate.trouble = Number.POSITIVE_INFINITY;
  await assert.rejects(valuesOf(topic, confluentAvro({ registry: gate.url, timeout: "250ms" })), {
    code: "REGISTRY_UNREACHABLE",
    message: `The registry at ${gate.url}/ gave no usable answer for 0.25 s: status 503`,
  });
  const [nobody] = await freePorts(1);
  await assert.rejects(valuesOf(topic, confluentAvro({ registry: `http://127.0.0.1:${nobody}`, timeout: 50 })), {
    code: "REGISTRY_UNREACHABLE",
    message: new RegExp(
      `^The registry at http://127\\.0\\.0\\.1:${nobody}/ gave no usable answer for 0.05 s: .*ECONNREFUSED`,
    ),
    hint: "Nothing listens there. Check host and port in `registry`.",
  });
});

test("of several addresses the next one is asked when one is dead, and the one that answered stays the first", async (t) => {
  const [nobody] = await freePorts(1);
  const dead = `http://127.0.0.1:${nobody}`;
  await using troubled = await openGate(registry.url);
  troubled.trouble = Number.POSITIVE_INFINITY;
  await using good = await openGate(registry.url);
  const list = [dead, new URL(troubled.url), good.url];
  const topic = await createTopic(t);
  await produce(topic, [
    { value: await encoded(point("x"), { x: 1 }, topic, { registry: list }) },
    { value: await encoded(point("x", "y"), { x: 2, y: 3 }, topic, { registry: list.join() }) },
  ]);
  troubled.requests.length = 0;
  good.requests.length = 0;
  assert.deepEqual(await valuesOf(topic, confluentAvro<object>({ registry: list })), [{ x: 1 }, { x: 2, y: 3 }]);
  assert.equal(good.requests.length, 2);
  assert(troubled.requests.length <= 2, "once for each schema that was asked for at the same time");

  await assert.rejects(valuesOf(topic, confluentAvro({ registry: [dead, troubled.url], timeout: 50 })), {
    code: "REGISTRY_UNREACHABLE",
    message: new RegExp(`^The registry at ${dead}/, ${troubled.url}/ gave no usable answer for 0\\.05 s: `),
  });
});

test("a registry that takes the request and never answers is given up", async (t) => {
  const silent = createServer().listen(0, "127.0.0.1");
  t.after(() => silent.close());
  await new Promise((listening) => silent.once("listening", listening));
  const { port } = silent.address() as { port: number };
  const decoder = confluentAvro({ registry: `http://127.0.0.1:${port}`, timeout: 100 });
  assert(typeof decoder === "object");
  await assert.rejects(async () => decoder.prepare!([Buffer.from([0, 0, 0, 0, 1])]), { code: "REGISTRY_UNREACHABLE" });
});

test("a login is sent, from the options or the address, and a refused one is not tried again", async (t) => {
  const topic = await createTopic(t);
  await produce(topic, [{ value: await encoded(point("x"), { x: 1 }, topic) }]);
  const auth = { username: "reader", password: "s:ecret" };
  await using gate = await openGate(registry.url, { login: auth });
  assert.deepEqual(await valuesOf(topic, confluentAvro<object>({ registry: gate.url, auth })), [{ x: 1 }]);
  const inAddress = gate.url.replace("//", "//reader:s%3Aecret@");
  assert.deepEqual(await valuesOf(topic, confluentAvro<object>({ registry: inAddress })), [{ x: 1 }]);

  gate.requests.length = 0;
  const wrong = gate.url.replace("//", "//reader:wrong@");
  await assert.rejects(valuesOf(topic, confluentAvro({ registry: wrong })), {
    code: "REGISTRY_REFUSED",
    message: `The registry at ${gate.url}/ refused the login of "reader" (401: Unauthorized).`,
  });
  assert.equal(gate.requests.length, 1);
  await assert.rejects(valuesOf(topic, confluentAvro({ registry: gate.url })), {
    message: /refused a request without a login/,
  });
});

test("TLS, by a certificate that is given; one that nobody vouches for is refused at once", async (t) => {
  const keyStore = join(folder, "gate.p12");
  const ca = makeCertificate(keyStore);
  await using gate = await openGate(registry.url, {
    tls: { pfx: readFileSync(keyStore), passphrase: KEY_STORE_PASSWORD },
  });
  const topic = await createTopic(t);
  await produce(topic, [{ value: await encoded(point("x"), { x: 1 }, topic, { registry: gate.url, ssl: { ca } }) }]);
  assert.deepEqual(await valuesOf(topic, confluentAvro<object>({ registry: gate.url, ssl: { ca } })), [{ x: 1 }]);
  await assert.rejects(valuesOf(topic, confluentAvro({ registry: gate.url })), {
    code: "REGISTRY_UNREACHABLE",
    message: /gave no usable answer: self-signed certificate/,
    hint: "Give its certificate as ssl: { ca }.",
  });
  const trusting = { registry: gate.url, ssl: { rejectUnauthorized: false } };
  assert.deepEqual(await valuesOf(topic, confluentAvro<object>(trusting)), [{ x: 1 }]);
});

test("an encoder that may not register looks the schema up, under the subject that you name", async () => {
  const [subject, other] = [`lookup-${process.pid}`, `none-${process.pid}`];
  const place: EncodePlace = { topic: "any", field: "value" };
  const encoder = (of: string) =>
    confluentAvroEncoder<object>({ registry: registry.url, schema: point("x"), subject: of });
  const { id } = await post(`subjects/${subject}/versions`, { schema: JSON.stringify(point("x")) });
  const encode = await encoderFor(encoder(subject), place);
  assert.equal(Buffer.from(encode({ x: 1 }) as Uint8Array).readInt32BE(1), id);
  await assert.rejects(() => encoderFor(encoder(other), place), {
    code: "REGISTRY_REFUSED",
    message: new RegExp(`^The subject "${other}" at http:\\S+ does not have the schema \\(404: `),
  });
});

test("a schema that is not compatible is refused in the registry's words, and asked for again the next time", async (t) => {
  const topic = await createTopic(t);
  await encoded(point("x"), { x: 1 }, topic);
  await post(`config/${topic}-value`, { compatibility: "BACKWARD" }, "PUT");
  const lacking = { type: "record", name: "Point", fields: [{ name: "z", type: "string" }] };
  await using gate = await openGate(registry.url);
  const encoder = confluentAvroEncoder<object>({ registry: gate.url, schema: lacking, register: true });
  for (const times of [1, 2]) {
    await assert.rejects(() => encoderFor(encoder, { topic, field: "value" }), {
      code: "REGISTRY_REFUSED",
      message: /^The registry at http:\S+ refused the schema for the subject "\S+-value" \(409: /,
    });
    assert.equal(gate.requests.length, times);
  }
});

test("what is no registry, and what is no address, are told apart", async () => {
  assert.throws(() => confluentAvro({ registry: "localhost:8081" }), {
    code: "BAD_OPTION",
    message: /must be an http: or https: address/,
  });
  assert.throws(() => confluentAvro({ registry: "http://a", auth: "reader" as never }), { code: "BAD_OPTION" });
  assert.throws(() => confluentAvroEncoder({ registry: "http://a" } as never), {
    code: "BAD_OPTION",
    message: /needs "schema"/,
  });
  const decoder = confluentAvro({ registry: `http://127.0.0.1:${registry.port}/docs/index.html?`, timeout: 200 });
  assert(typeof decoder === "object");
  await decoder.prepare!([Buffer.from([0, 0, 0, 0, 1])]);
  assert.throws(() => decoder.decode(Buffer.from([0, 0, 0, 0, 1]), undefined as never), /has no schema 1/);
});
