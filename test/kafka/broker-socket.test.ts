/** What a connection makes of the bytes that arrive, however they are cut, and of those that no broker sends. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { BrokerSocket } from "../../src/kafka/connection/broker-socket.ts";
import { resolveKafkaParams } from "../../src/kafka/kafka-params.ts";

const REQUEST = { key: 3, version: 12, flexible: false, body: Buffer.alloc(0) };

/** A connection to a broker that sends what it is told to. */
async function connect(t: TestContext) {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const params = resolveKafkaParams({ "bootstrap.servers": `127.0.0.1:${port}` });
  const connected = once(server, "connection") as Promise<[Socket]>;
  const timeouts = { connectMs: 3_000, requestMs: 10_000 };
  const { signal } = new AbortController();
  const socket = await BrokerSocket.open({ host: "127.0.0.1", port }, params, timeouts, signal);
  const [broker] = await connected;
  broker.setNoDelay(true).resume();
  t.after(() => {
    socket.close();
    broker.destroy();
    server.close();
  });
  return { socket, broker };
}

/** The answer to a request: its number, and a body. */
function answer(correlationId: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeInt32BE(4 + body.length, 0);
  head.writeInt32BE(correlationId, 4);
  return Buffer.concat([head, body]);
}

const bodyOf = (seed: number, length: number) => Buffer.from(Uint8Array.from({ length }, (_, i) => seed + i * 7));

/** What is left of an answer behind its number. */
const rest = ({ buffer, position }: { buffer: Buffer; position: number }) => buffer.subarray(position);

test("answers arrive whole, however the network cuts them", async (t) => {
  const { socket, broker } = await connect(t);
  const lengths = [0, 1, 60_000, 65_532, 65_536, 300_000, 3, 131_064];
  const bodies = lengths.map((length, i) => bodyOf(i, length));
  const asked = bodies.map(() => socket.request(REQUEST));
  const all = Buffer.concat(bodies.map((body, i) => answer(i, body)));
  for (const end of [3, 4, 7, 8, 12, 70_000, all.length - 131_072, all.length]) {
    const written = broker.bytesWritten;
    broker.write(all.subarray(written, end));
    // Each part is read before the next one is written.
    for (let turn = 0; turn < 3; turn++) await setImmediate();
  }
  for (const [i, cursor] of (await Promise.all(asked)).entries()) assert.ok(rest(cursor).equals(bodies[i]!), `${i}`);
});

test("an answer that is none of Kafka's, or belongs to no question, ends the connection and all that waits", async (t) => {
  const lengthOnly = (length: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(length);
    return bytes;
  };
  for (const [bytes, message] of [
    [lengthOnly(3), /an answer of 3 bytes is none of Kafka's/],
    [lengthOnly(-1), /an answer of -1 bytes is none of Kafka's/],
    [lengthOnly(2 ** 30 + 1), /an answer of 1073741825 bytes is none of Kafka's/],
    [answer(1, Buffer.alloc(0)), /an answer belongs to no question/],
    // The first reason counts, and what is behind is not looked at.
    [Buffer.concat([lengthOnly(3), answer(0, Buffer.alloc(0))]), /an answer of 3 bytes/],
    [Buffer.from("HTTP/1.1 400 Bad Request"), /it speaks HTTP/],
    [Buffer.from([0x15, 3, 3, 0, 2]), /it speaks TLS/],
  ] as const) {
    const { socket, broker } = await connect(t);
    const asked = [socket.request(REQUEST), socket.request(REQUEST)];
    broker.write(bytes);
    for (const one of asked) await assert.rejects(one, message);
    assert.equal(socket.usable, false);
    await assert.rejects(socket.request(REQUEST), message);
  }
});

test("an answer that nobody has asked for ends the connection", async (t) => {
  const { socket, broker } = await connect(t);
  broker.write(answer(0, Buffer.alloc(0)));
  await once(broker, "close");
  await assert.rejects(socket.request(REQUEST), /an answer belongs to no question/);
});

test("only the first bytes tell the protocol: a later read may begin like another one", async (t) => {
  const { socket, broker } = await connect(t);
  const asked = [socket.request(REQUEST), socket.request(REQUEST)] as const;
  const second = answer(1, Buffer.from([0x15, 3, 3]));
  broker.write(Buffer.concat([answer(0, Buffer.alloc(0)), second.subarray(0, 8)]));
  await asked[0];
  broker.write(second.subarray(8));
  assert.equal(rest(await asked[1]).length, 3);
});

test("a connection that is to be replaced answers what is under way, and closes then", async (t) => {
  const { socket, broker } = await connect(t);
  const asked = [socket.request(REQUEST), socket.request(REQUEST)] as const;
  socket.retire();
  assert.equal(socket.usable, false);
  const closed = once(broker, "close");
  broker.write(answer(0, Buffer.from("a")));
  assert.equal(String(rest(await asked[0])), "a");
  broker.write(answer(1, Buffer.from("b")));
  assert.equal(String(rest(await asked[1])), "b");
  await closed;
  const idle = await connect(t);
  idle.socket.retire();
  await once(idle.broker, "close");
});
