import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { promisify } from "node:util";
import { runKafkaTool, startKafka, useKafka } from "../../dev/kafka/index.ts";
import { kafkaVersion } from "../../dev/kafka/install.ts";
import { liveBrokers } from "../../dev/kafka/live-brokers.ts";
import { serverProperties } from "../../dev/kafka/settings.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { waitUntil } from "../helpers/wait-until.ts";

const main = join(import.meta.dirname, "../../dev/kafka/main.ts");

/** Runs `npm run kafka` with this PATH, an empty cache and no JAVA_HOME, and gives what it complains about. */
async function complaint(path: string, cache: string): Promise<string> {
  const env = { PATH: path, XDG_CACHE_HOME: cache };
  const failure = await promisify(execFile)(process.execPath, [main], { env }).then(
    () => assert.fail("it should not start"),
    (error: { stderr: string }) => error,
  );
  assert.match(failure.stderr, /KAFKA_BROKERS=host:port/);
  assert.match(failure.stderr, /docker compose -f dev\/kafka\/compose\.yaml/);
  return failure.stderr;
}

test("without Java the two ways out are named", async (t) => {
  const folder = temporaryFolder(t);
  assert.match(await complaint(folder, folder), /needs Java 17 or newer, and "java" does not run/);
});

test("with a Java that is too old its version is named", async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "java"), "#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n", { mode: 0o755 });
  assert.match(await complaint([folder, "/bin"].join(delimiter), folder), /"java" is 11\.0\.2/);
});

test("without Maven the two ways out are named, and nothing half fetched is left", async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "java"), "#!/bin/sh\necho 'openjdk version \"21.0.2\"' >&2\n", { mode: 0o755 });
  const bin = join(folder, "bin");
  mkdirSync(bin);
  symlinkSync("/bin/sh", join(bin, "sh"));
  const told = await complaint([folder, bin].join(delimiter), folder);
  assert.match(told, /Fetching Apache Kafka [\d.]+ from Maven \(once, about 54 MB\)/);
  assert.match(told, /there is no "mvn" here/);
  const [version] = readdirSync(join(folder, "millrace"));
  assert.deepEqual(readdirSync(join(folder, "millrace", version!)), []);
});

test("a command line that cannot be followed is one sentence, with what there is", async () => {
  const refused = async (...args: string[]) => {
    const end = promisify(execFile)(process.execPath, [main, ...args]);
    const { code, stderr } = await end.then(
      () => assert.fail("it should not start"),
      (error: { code: number; stderr: string }) => error,
    );
    assert.equal(code, 2);
    const [sentence, ...rest] = stderr.split("\n");
    assert.match(rest.join("\n"), /^\nUsage: npm run kafka [\s\S]*--brokers[\s\S]*--port[\s\S]*--data/);
    return sentence;
  };
  assert.equal(await refused("--partitions", "3"), "Unknown option '--partitions'.");
  assert.equal(await refused("--brokers", "2"), "--brokers is 1 or 3, not 2.");
  for (const port of ["many", "0", "65536"]) {
    assert.equal(await refused("--port", port), `--port takes the number of a port, not "${port}".`);
  }
  assert.equal(await refused("--brokers", "3", "--port", "65534"), '--port takes the number of a port, not "65534".');
});

test("a port on which something else listens is refused, not taken for the broker", async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await assert.rejects(startKafka({ ports: [port] }), {
    message: new RegExp(`listens on 127\\.0\\.0\\.1:${port} already`),
  });
});

test("a broker ends with the process that started it, even by SIGKILL, and its data with it", async (t) => {
  const folder = temporaryFolder(t);
  const env = { ...process.env, TMPDIR: folder };
  const foreground = spawn(process.execPath, [main], { env, stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => foreground.kill("SIGKILL"));
  const lines = createInterface(foreground.stdout)[Symbol.asyncIterator]();
  const port = Number(/KAFKA_BROKERS=127\.0\.0\.1:(\d+)$/.exec(String((await lines.next()).value))![1]);
  assert.deepEqual(await liveBrokers(port), [1]);
  assert.equal(readdirSync(folder).length, 1);
  foreground.kill("SIGKILL");
  await once(foreground, "close");
  await waitUntil("the broker is gone", async () => (await liveBrokers(port)).length === 0);
  await waitUntil("its data is gone", () => readdirSync(folder).length === 0);
});

test("a data folder of one's own is kept and can be started again, on other ports", async (t) => {
  const dataDirectory = temporaryFolder(t);
  for (let run = 0; run < 2; run++) {
    await using kafka = await startKafka({ dataDirectory });
    assert.deepEqual(await liveBrokers(kafka.brokers[0]!.port), [1]);
  }
  assert.ok(readdirSync(join(dataDirectory, "node-1/data")).includes("meta.properties"));
});

test("settings reach the broker, and one it refuses is told with its log", async () => {
  await assert.rejects(
    startKafka({ settings: { "num.io.threads": "none" } }),
    /could not be formatted:.*num\.io\.threads/s,
  );
});

test("KAFKA_BROKERS is used where it is set, and not stopped", async () => {
  const port = Number(process.env.KAFKA_BROKERS!.split(",")[0]!.split(":")[1]);
  const kafka = await useKafka();
  assert.equal(kafka.bootstrap, process.env.KAFKA_BROKERS);
  await kafka.stop();
  assert.equal((await liveBrokers(port)).length >= 1, true);
});

test("the broker of the compose file is the same one, by what the image makes of its environment", async (t) => {
  const compose = readFileSync(join(import.meta.dirname, "../../dev/kafka/compose.yaml"), "utf8");
  assert.equal(/^ {4}image: apache\/kafka:(.+)$/m.exec(compose)?.[1], kafkaVersion);
  const environment = Object.fromEntries(
    [...compose.matchAll(/^ {6}(KAFKA_\w+): "?(.+?)"?$/gm)].map((m) => m.slice(1)),
  );
  const folder = temporaryFolder(t);
  const data = join(folder, "data");
  for (const name of ["default", "mounted", "final"]) mkdirSync(join(folder, name));
  for (const name of ["server.properties", "log4j2.yaml", "tools-log4j2.yaml"]) {
    writeFileSync(join(folder, "default", name), "");
  }
  // How the image begins. It formats the data folder, and so refuses settings that Kafka does not take.
  const folders = ["default", "mounted", "final"].flatMap((name) => [`--${name}-configs-dir`, join(folder, name)]);
  const env = {
    ...environment,
    PATH: process.env.PATH ?? "",
    CLUSTER_ID: "5L6g3nShT-eMCtK--X86sw",
    KAFKA_LOG_DIRS: data,
  };
  await runKafkaTool("kafka.docker.KafkaDockerWrapper", ["setup", ...folders], { env });
  const broker = properties(readFileSync(join(folder, "final/server.properties"), "utf8"));
  const own = serverProperties(
    { id: 1, roles: "broker,controller", port: 9092 },
    { controller: { id: 1, port: 9093 }, brokers: 1 },
    data,
    {},
  );
  // Docker hands on what comes to the port from outside: the broker listens to all that come, and says where it is reached.
  assert.deepEqual(broker, {
    ...properties(own),
    listeners: "PLAINTEXT://:9092,CONTROLLER://:9093",
    "advertised.listeners": "PLAINTEXT://127.0.0.1:9092",
  });
});

const properties = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/^([^#=\n]+)=(.*)$/gm)].map((match) => match.slice(1)));
