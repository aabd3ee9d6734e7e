/** How long an answer is waited for: counted from when it was asked for, or from when the one before it had come. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { BrokerSocket } from "../../src/kafka/connection/broker-socket.ts";
import { resolveKafkaParams } from "../../src/kafka/kafka-params.ts";

const REQUEST = { key: 3, version: 12, flexible: false, body: Buffer.alloc(0) };
const REQUEST_MS = 50;

/** A connection to a broker that answers when it is told to. */
async function connect(t: TestContext) {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const address = { host: "127.0.0.1", port };
  const params = resolveKafkaParams({ "bootstrap.servers": `127.0.0.1:${port}` });
  const connected = once(server, "connection") as Promise<[Socket]>;
  const socket = await BrokerSocket.open(
    address,
    params,
    { connectMs: 3_000, requestMs: REQUEST_MS },
    new AbortController().signal,
  );
  const [broker] = await connected;
  t.after(() => {
    socket.close();
    broker.destroy();
    server.close();
  });
  const answer = (correlationId: number) => {
    const frame = Buffer.alloc(8);
    frame.writeInt32BE(4, 0);
    frame.writeInt32BE(correlationId, 4);
    broker.write(frame);
  };
  return { socket, answer };
}

test("a connection on which nothing is asked may be idle for as long as it likes", async (t) => {
  const { socket, answer } = await connect(t);
  const asked = socket.request(REQUEST);
  answer(0);
  await asked;
  // Takes as long as an answer may.
  const other = await connect(t);
  await assert.rejects(other.socket.request(REQUEST), /no answer within 50 ms/);
  assert.equal(socket.usable, true);
  const late = socket.request(REQUEST);
  answer(1);
  await late;
  await assert.rejects(socket.request(REQUEST), /no answer within 50 ms/, "the time counts again");
});

test("a request that is not answered in its time ends the connection, and all that waits behind it", async (t) => {
  const { socket, answer } = await connect(t);
  const asked = [socket.request(REQUEST), socket.request(REQUEST), socket.request(REQUEST)] as const;
  answer(0);
  await asked[0];
  const [, second, third] = await Promise.allSettled(asked);
  for (const result of [second, third]) {
    assert.ok(result.status === "rejected");
    assert.match(String(result.reason), /no answer within 50 ms/);
  }
  assert.equal(socket.usable, false);
});

test("an answer that ends within its header ends the connection, and not the process", async (t) => {
  const { socket, answer } = await connect(t);
  const asked = [socket.request({ ...REQUEST, flexible: true }), socket.request(REQUEST)];
  answer(0);
  for (const result of await Promise.allSettled(asked)) {
    assert.ok(result.status === "rejected");
    assert.match(String(result.reason), /an answer ends within its header/);
  }
  assert.equal(socket.usable, false);
});
