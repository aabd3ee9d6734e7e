import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type LocalKafka, runKafkaTool, startKafka } from "../../dev/kafka/index.ts";
import { freePorts } from "../../dev/kafka/ports.ts";
import { askForMetadata } from "../../src/kafka/connection/ask-for-metadata.ts";
import { KafkaCluster } from "../../src/kafka/connection/cluster.ts";
import { BrokerConnections } from "../../src/kafka/connection/connections.ts";
import { type KafkaParams, resolveKafkaParams, type SaslOptions } from "../../src/kafka/kafka-params.ts";
import { readRange } from "../../src/kafka/reading/range-reader.ts";
import type { TlsOptions } from "../../src/model/tls-options.ts";
import { KEY_STORE_PASSWORD, makeCertificate } from "../helpers/certificate.ts";
import { valuesOf } from "../helpers/chunk-values.ts";
import { createTopic } from "../helpers/kafka.ts";
import { produce } from "../helpers/produce.ts";
import { decoders, wholePartition } from "./read-all.ts";

/** A broker that also listens with TLS and with SASL, and a topic of one record, written without either. */

const SESSION_MS = 1_000;
const folder = mkdtempSync(join(tmpdir(), "millrace-security-"));
let kafka: LocalKafka;
let topic: string;
let ca: string;
let ports: { plain: number; tls: number; sasl: number };

before(async () => {
  const [plain, tls, sasl, controller] = (await freePorts(4)) as [number, number, number, number];
  ports = { plain, tls, sasl };
  const keyStore = join(folder, "broker.p12");
  ca = makeCertificate(keyStore);
  const login = "org.apache.kafka.common.security";
  kafka = await startKafka({
    ports: [plain],
    settings: {
      listeners: `PLAINTEXT://127.0.0.1:${plain},TLS://localhost:${tls},SASL://127.0.0.1:${sasl},CONTROLLER://127.0.0.1:${controller}`,
      "controller.quorum.voters": `1@127.0.0.1:${controller}`,
      "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,TLS:SSL,SASL:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT",
      "ssl.keystore.location": keyStore,
      "ssl.keystore.password": KEY_STORE_PASSWORD,
      "listener.name.sasl.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
      "listener.name.sasl.plain.sasl.jaas.config": `${login}.plain.PlainLoginModule required user_reader="secret";`,
      "listener.name.sasl.plain.connections.max.reauth.ms": String(SESSION_MS),
      "listener.name.sasl.scram-sha-256.sasl.jaas.config": `${login}.scram.ScramLoginModule required;`,
      "listener.name.sasl.scram-sha-512.sasl.jaas.config": `${login}.scram.ScramLoginModule required;`,
      "listener.name.sasl.oauthbearer.sasl.jaas.config": `${login}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
      "listener.name.sasl.oauthbearer.sasl.server.callback.handler.class": `${login}.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler`,
    },
  });
  for (const mechanism of ["SCRAM-SHA-256", "SCRAM-SHA-512"]) {
    await runKafkaTool("kafka.admin.ConfigCommand", [
      ...["--bootstrap-server", kafka.bootstrap, "--alter", "--add-config", `${mechanism}=[password=secret]`],
      ...["--entity-type", "users", "--entity-name", "reader"],
    ]);
  }
  topic = await createTopic({ name: "security" }, { bootstrap: kafka.bootstrap });
  await produce(topic, [{ value: "read" }], { bootstrap: kafka.bootstrap });
});

after(async () => {
  await kafka?.stop();
  rmSync(folder, { recursive: true });
});

async function readTopic(params: KafkaParams, from = topic): Promise<unknown[]> {
  await using cluster = new KafkaCluster(resolveKafkaParams(params));
  const values: unknown[] = [];
  for await (const chunk of readRange(cluster, await wholePartition(cluster, from), { decoders })) {
    for (const { value } of valuesOf(chunk)) values.push(value);
  }
  return values;
}

const withSasl = (sasl: SaslOptions): KafkaParams => ({ "bootstrap.servers": `127.0.0.1:${ports.sasl}`, sasl });

/** An unsecured JWT, which the broker of this test takes. */
function token(subject: string): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const seconds = Math.floor(Date.now() / 1000);
  return `${encode({ alg: "none" })}.${encode({ sub: subject, iat: seconds, exp: seconds + 600 })}.`;
}

test("TLS, by the name of the host and by a certificate that is given", async () => {
  assert.deepEqual(await readTopic({ "bootstrap.servers": `localhost:${ports.tls}`, ssl: { ca } }), ["read"]);
});

test("a certificate is taken for the name that ssl says, else for the name of the host, or without a look at it", async () => {
  const withTls = (ssl: TlsOptions) => readTopic({ "bootstrap.servers": `localhost:${ports.tls}`, ssl });
  await assert.rejects(withTls({ ca, servername: "elsewhere" }), { code: "BROKER_REFUSED", message: /elsewhere/ });
  assert.deepEqual(await withTls({ ca, servername: "elsewhere", checkServerIdentity: () => undefined }), ["read"]);
  assert.deepEqual(await withTls({ rejectUnauthorized: false }), ["read"]);
});

test("an answer that takes many reads arrives whole through TLS", async () => {
  const long = await createTopic({ name: "security-long" }, { bootstrap: kafka.bootstrap });
  const values = Array.from({ length: 5 }, (_, i) => String.fromCharCode(97 + i).repeat(150_000 + i));
  for (const value of values) await produce(long, [{ value }], { bootstrap: kafka.bootstrap });
  const params = { "bootstrap.servers": `localhost:${ports.tls}`, ssl: { ca } };
  const read = await readTopic(params, long);
  assert.ok(read.length === values.length && read.every((value, i) => value === values[i]));
});

test("a certificate that nobody vouches for is refused", async () => {
  const reading = readTopic({ "bootstrap.servers": `localhost:${ports.tls}`, ssl: true });
  await assert.rejects(reading, { code: "BROKER_REFUSED", message: /self-signed/ });
});

test("a broker that speaks TLS, where it is not asked for, is refused at once", async () => {
  const reading = readTopic({ "bootstrap.servers": `localhost:${ports.tls}` });
  await assert.rejects(reading, { code: "BROKER_REFUSED", message: /speaks TLS/, hint: /"ssl"/ });
});

for (const mechanism of ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const) {
  test(`${mechanism}: the right password reads, a wrong one is refused`, async () => {
    assert.deepEqual(await readTopic(withSasl({ mechanism, username: "reader", password: "secret" })), ["read"]);
    const wrong = readTopic(withSasl({ mechanism, username: "reader", password: "wrong" }));
    await assert.rejects(wrong, { code: "BROKER_REFUSED", message: /[Aa]uthentication failed/, hint: /"sasl"/ });
  });
}

test("OAUTHBEARER: a token, from a function or as it is, reads; one that is none is refused", async () => {
  const sasl = (given: string | (() => Promise<string>)) => withSasl({ mechanism: "OAUTHBEARER", token: given });
  assert.deepEqual(await readTopic(sasl(token("reader"))), ["read"]);
  assert.deepEqual(await readTopic(sasl(async () => token("reader"))), ["read"]);
  await assert.rejects(readTopic(sasl("none")), { code: "BROKER_REFUSED", message: /token was refused/ });
});

test("a mechanism that the broker does not have is refused with those it has", async (t) => {
  const mechanism = "GSSAPI" as "PLAIN";
  const connections = new BrokerConnections({
    ...resolveKafkaParams({ "bootstrap.servers": `127.0.0.1:${ports.sasl}` }),
    sasl: { mechanism, username: "reader", password: "secret" },
  });
  t.after(() => connections.close());
  const opening = connections.socket({ host: "127.0.0.1", port: ports.sasl }, "control");
  await assert.rejects(opening, { name: "AuthenticationError", message: /PLAIN.*, not GSSAPI/ });
});

test("a session is replaced before it ends, and no request meets its end", async (t) => {
  const sasl = { mechanism: "PLAIN", username: "reader", password: "secret" } as const;
  const connections = new BrokerConnections(resolveKafkaParams(withSasl(sasl)));
  t.after(() => connections.close());
  const used = new Set<unknown>();
  const started = performance.now();
  while (performance.now() - started < 2.5 * SESSION_MS) {
    const socket = await connections.socket({ host: "127.0.0.1", port: ports.sasl }, "control");
    used.add(socket);
    await askForMetadata(socket, [topic]);
  }
  assert.equal(used.size, 3);
});
