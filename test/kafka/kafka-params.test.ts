import assert from "node:assert/strict";
import { test } from "node:test";
import { type KafkaParams, resolveKafkaParams } from "../../src/kafka/kafka-params.ts";

const bootstrapOf = (list: string) => resolveKafkaParams({ "bootstrap.servers": list }).bootstrap;
const refused = (params: object, message: RegExp) =>
  assert.throws(() => resolveKafkaParams(params as KafkaParams), { code: "BAD_OPTION", message });

test("what is not said has Kafka's defaults", () => {
  const resolved = resolveKafkaParams({ "bootstrap.servers": "a" });
  assert.deepEqual(resolved, {
    bootstrap: [{ host: "a", port: 9092 }],
    autoOffsetReset: "latest",
    groupId: undefined,
    clientId: "millrace",
    isolationLevel: "read_uncommitted",
    fetchMaxBytes: 57_671_680,
    maxPartitionFetchBytes: 1_048_576,
    fetchMaxWaitMs: 500,
    metadataMaxAgeMs: 30_000,
    tls: undefined,
    sasl: undefined,
  });
  assert.ok(Object.isFrozen(resolved));
});

test("Spark 1.6's names are understood", () => {
  const resolved = resolveKafkaParams({ "metadata.broker.list": "a:1", "auto.offset.reset": "smallest" });
  assert.deepEqual([resolved.bootstrap, resolved.autoOffsetReset], [[{ host: "a", port: 1 }], "earliest"]);
  assert.equal(
    resolveKafkaParams({ "bootstrap.servers": "a", "auto.offset.reset": "largest" }).autoOffsetReset,
    "latest",
  );
  refused({ "bootstrap.servers": "a", "metadata.broker.list": "a" }, /both/);
});

test("a list of brokers may hold names, IPv4 and IPv6, with and without ports", () => {
  assert.deepEqual(
    bootstrapOf("kafka-1.example.com:9093,kafka_2,bücher.example, 10.0.0.1 ,[::1]:9094,[fe80::1%eth0]"),
    [
      { host: "kafka-1.example.com", port: 9093 },
      { host: "kafka_2", port: 9092 },
      { host: "bücher.example", port: 9092 },
      { host: "10.0.0.1", port: 9092 },
      { host: "::1", port: 9094 },
      { host: "fe80::1%eth0", port: 9092 },
    ],
  );
});

test("a malformed list of brokers is refused, and the wrong entry named", () => {
  for (const [list, named] of [
    ["a:9092,", /an entry is empty/],
    ["a:port", /"a:port" is not host:port/],
    ["a:0", /"a:0"/],
    ["a:70000", /"a:70000"/],
    ["PLAINTEXT://a:9092", /"PLAINTEXT:\/\/a:9092"/],
    ["::1", /"::1"/],
    ["[::1", /"\[::1"/],
    ["a b", /"a b"/],
    ["a;9092", /"a;9092"/],
    ["a:9092;b:9092", /"a:9092;b:9092"/],
    ['"a:9092"', /is not host:port/],
    ["a:1:2", /"a:1:2"/],
  ] as const) {
    refused({ "bootstrap.servers": list }, named);
  }
  refused({ "bootstrap.servers": "" }, /must be a text/);
  refused({}, /"bootstrap.servers" is missing/);
});

test("unknown keys and wrong values are refused", () => {
  assert.throws(() => resolveKafkaParams({ "bootstrap.server": "a" } as KafkaParams), {
    code: "BAD_OPTION",
    hint: /Did you mean "bootstrap.servers"/,
  });
  const good = { "bootstrap.servers": "a" };
  refused({ ...good, "auto.offset.reset": "first" }, /must be one of/);
  refused({ ...good, "fetch.max.bytes": "1mb" }, /whole number/);
  refused({ ...good, ssl: "yes" }, /must be true, false or an object/);
});

test("TLS and SASL", () => {
  const good = { "bootstrap.servers": "a" };
  assert.deepEqual(resolveKafkaParams({ ...good, ssl: true }).tls, {});
  assert.equal(resolveKafkaParams({ ...good, ssl: false }).tls, undefined);
  assert.deepEqual(resolveKafkaParams({ ...good, ssl: { ca: "pem" } }).tls, { ca: "pem" });
  const sasl = { mechanism: "SCRAM-SHA-256", username: "u", password: "p" } as const;
  assert.deepEqual(resolveKafkaParams({ ...good, sasl }).sasl, sasl);
  resolveKafkaParams({ ...good, sasl: { mechanism: "OAUTHBEARER", token: () => "t" } });
  refused({ ...good, sasl: { mechanism: "PLAIN", username: "u" } }, /has no "password"/);
  refused({ ...good, sasl: { mechanism: "OAUTHBEARER" } }, /has no "token"/);
  refused({ ...good, sasl: { mechanism: "OAUTHBEARER", token: 1 } }, /must be a text or a function/);
  refused({ ...good, sasl: { mechanism: "GSSAPI", username: "u", password: "p" } }, /must be one of/);
});

test("TLS options that Node would pass over, or refuse only when it connects, are refused where they are given", () => {
  const refusedTls = (ssl: object, message: RegExp, hint: RegExp) =>
    assert.throws(() => resolveKafkaParams({ "bootstrap.servers": "a", ssl } as KafkaParams), {
      code: "BAD_OPTION",
      message,
      hint,
    });
  refusedTls({ rejectUnauthorised: false }, /ssl has no option "rejectUnauthorised"/, /mean "rejectUnauthorized"\?$/);
  refusedTls({ serverName: "kafka" }, /"serverName"/, /"servername"/);
  refusedTls({ caa: "pem" }, /"caa"/, /"ca"/);
  refusedTls({ cert: "kafka.crt" }, /ssl cannot be used: .*no start line/, /BEGIN/);
  refusedTls({ key: 5 }, /ssl cannot be used: .*type number/, /PEM/);
  const later = {
    rejectUnauthorized: false,
    servername: "kafka",
    checkServerIdentity: () => undefined,
    ofALaterNode: 1,
  };
  assert.deepEqual(resolveKafkaParams({ "bootstrap.servers": "a", ssl: later }).tls, later);
});

test("a key of Kafka's own clients is refused with where it is said here", () => {
  for (const [key, hint] of [
    ["security.protocol", /"ssl".*"sasl"/],
    ["ssl.truststore.location", /"ssl".*ca/],
    ["sasl.jaas.config", /"sasl": \{ mechanism/],
    ["value.deserializer", /valueDecoder/],
    ["enable.auto.commit", /commitToGroup/],
    ["max.poll.records", /maxRatePerPartition/],
    ["zookeeper.connect", /bootstrap\.servers/],
    ["fetch.message.max.bytes", /max\.partition\.fetch\.bytes/],
  ] as const) {
    assert.throws(() => resolveKafkaParams({ "bootstrap.servers": "a", [key]: "x" } as KafkaParams), {
      code: "BAD_OPTION",
      message: `kafkaParams has no option "${key}".`,
      hint,
    });
  }
});

test("a password is never part of an error", () => {
  const sasl = { mechanism: "PLAIN", username: "u", password: "secret", extra: "secret" };
  assert.throws(
    () => resolveKafkaParams({ "bootstrap.servers": "a", sasl } as never),
    (error) => !String(error).includes("secret"),
  );
});
