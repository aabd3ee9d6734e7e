/** What a registry is asked by whom, and at which of its addresses. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { createServer as createSilentServer } from "node:net";
import { type TestContext, test } from "node:test";
import { type ConfluentAvroOptions, confluentAvro, confluentAvroEncoder } from "millrace/avro";

const SCHEMA = { type: "record", name: "Point", fields: [{ name: "x", type: "int" }] };

/** Answers like a registry that has one schema, and keeps the heads of what it was asked. */
async function listen(t: TestContext, status = 200) {
  const heads: IncomingHttpHeaders[] = [];
  const server = createServer(({ headers }, response) => {
    heads.push(headers);
    response.writeHead(status).end(JSON.stringify({ id: 1, schema: JSON.stringify(SCHEMA), message: "no" }));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { heads, address: `http://127.0.0.1:${port}`, port };
}

let nextId = 1;

/** Has a schema fetched. */
async function fetchSchema(options: ConfluentAvroOptions): Promise<void> {
  const decoder = confluentAvro(options);
  assert(typeof decoder === "object");
  await decoder.prepare!([Buffer.from([0, 0, 0, 0, nextId++])]);
}

test("a bearer token is sent with what Confluent Cloud wants to know, and asked for anew for each request", async (t) => {
  const { heads, address } = await listen(t);
  let tokens = 0;
  const auth = { token: async () => `t${++tokens}`, logicalCluster: "lsrc-1", identityPoolId: "pool-2" };
  const decoder = confluentAvro({ registry: address, auth });
  assert(typeof decoder === "object");
  for (const id of [1, 2]) await decoder.prepare!([Buffer.from([0, 0, 0, 0, id])]);
  const encoder = confluentAvroEncoder({ registry: address, auth: { token: "fixed" }, schema: SCHEMA, register: true });
  assert(typeof encoder === "object");
  await encoder.prepare({ topic: "points", field: "value" });
  const sent = heads.map((head) => [head.authorization, head["target-sr-cluster"], head["confluent-identity-pool-id"]]);
  assert.deepEqual(sent, [
    ["Bearer t1", "lsrc-1", "pool-2"],
    ["Bearer t2", "lsrc-1", "pool-2"],
    ["Bearer fixed", undefined, undefined],
  ]);
});

test("a token that is refused, or that nobody gives, is told", async (t) => {
  const { address } = await listen(t, 401);
  await assert.rejects(fetchSchema({ registry: address, auth: { token: "old" } }), {
    code: "REGISTRY_REFUSED",
    message: `The registry at ${address}/ refused the bearer token (401: no).`,
  });
  const token = () => {
    throw new Error("the vault is closed");
  };
  await assert.rejects(fetchSchema({ registry: address, auth: { token } }), {
    code: "REGISTRY_UNREACHABLE",
    message: `There is no token for the registry at ${address}/: the vault is closed`,
  });
});

test("each address may have a login of its own; auth wins over it", async (t) => {
  const [first, second] = [await listen(t, 503), await listen(t)];
  const registry = [`http://ann:a@127.0.0.1:${first.port}`, `http://bob:b%20b@127.0.0.1:${second.port}/path`];
  const basic = (login: string) => `Basic ${Buffer.from(login).toString("base64")}`;
  await fetchSchema({ registry });
  await fetchSchema({ registry, auth: { username: "eve", password: "e" } });
  assert.deepEqual(
    first.heads.map(({ authorization }) => authorization),
    [basic("ann:a"), basic("eve:e")],
  );
  assert.deepEqual(
    second.heads.map(({ authorization }) => authorization),
    [basic("bob:b b"), basic("eve:e")],
  );
});

test("an address that swallows requests leaves the next one its part of the time", async (t) => {
  const sockets: Socket[] = [];
  const silent = createSilentServer((socket) => void sockets.push(socket)).listen(0, "127.0.0.1");
  await once(silent, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  const { address, heads } = await listen(t);
  const { port } = silent.address() as AddressInfo;
  const decoder = confluentAvro({ registry: `http://127.0.0.1:${port}, ${address}`, timeout: "2s" });
  assert(typeof decoder === "object");
  for (const id of [1, 2]) await decoder.prepare!([Buffer.from([0, 0, 0, 0, id])]);
  assert.deepEqual([sockets.length, heads.length], [1, 2], "the one that answered is asked first from then on");
});

test("TLS options that Node would pass over, or refuse only when it connects, are refused when the decoder is made", () => {
  const registry = "https://registry:8081";
  const refused = (ssl: unknown, message: RegExp, hint: RegExp) => {
    const expected = { code: "BAD_OPTION", message, hint };
    assert.throws(() => confluentAvro({ registry, ssl: ssl as {} }), expected);
    assert.throws(() => confluentAvroEncoder({ registry, ssl: ssl as {}, schema: SCHEMA }), expected);
  };
  refused(
    { rejectUnauthorised: false },
    /^confluentAvro(Encoder)?: ssl has no option "rej/,
    /mean "rejectUnauthorized"/,
  );
  refused({ ca: "registry.crt", cert: "client.crt" }, /: ssl cannot be used: .*no start line/, /BEGIN/);
  refused({ key: 5 }, /: ssl cannot be used: .*type number/, /PEM/);
  for (const kind of [true, "yes", ["pem"], null]) refused(kind, /"ssl" must be an object/, /Correct "ssl"/);
  confluentAvro({ registry, ssl: { servername: "registry", checkServerIdentity: () => undefined } });
});

test("what is no login, no token and no list of addresses is refused", () => {
  for (const auth of [
    { token: "" },
    { token: 1 },
    { token: "a", username: "b", password: "c" },
    { username: "b", password: "c", logicalCluster: "d" },
    { token: "a", cluster: "d" },
    { token: "a", logicalCluster: 1 },
    {},
  ]) {
    assert.throws(() => confluentAvro({ registry: "http://a", auth: auth as never }), {
      code: "BAD_OPTION",
      message: /"auth" must be \{ username, password \} or \{ token/,
    });
  }
  for (const registry of [[], ["http://a", "b:8081"], "http://a,", 5]) {
    assert.throws(() => confluentAvro({ registry: registry as never }), {
      code: "BAD_OPTION",
      message: /must be an http: or https: address, or a list of them/,
    });
  }
});
