import assert from "node:assert/strict";
import { after, before, type TestContext, test } from "node:test";
import { defineJob, runJob } from "millrace";
import { type PartitionCommit, type PartitionSink, type PostgresOptions, postgres } from "millrace/sinks";
import { sinkContract } from "millrace/testing";
import pg from "pg";
import { partitionOf } from "../../src/operators/partition.ts";
import { type PostgresServer, query, startPostgres } from "../helpers/postgres.ts";
import { startTcpProxy } from "../helpers/tcp-proxy.ts";
import { waitUntil } from "../helpers/wait-until.ts";

let server: PostgresServer;
before(async () => {
  server = await startPostgres();
});
after(() => server.stop());

const numbers = {
  table: "numbers",
  row: ({ n }: { n: number }) => ({ n }),
  setup: "create table if not exists numbers (n integer)",
};

sinkContract<{ n: number }>(
  (name, run) => test(`postgres: ${name}`, run),
  async () => {
    const connection = await server.createDatabase();
    return {
      sink: postgres({ connection, ...numbers }),
      value: (n) => ({ n }),
      stored: async () => (await query(connection, "select n from numbers")) as { n: number }[],
    };
  },
);

const identity = { checkpointId: "checkpoint", appName: "test", output: "values" };

const commitOf = (partition: number, seq = 1, epoch = 1) => ({
  ...identity,
  seq,
  epoch,
  partition,
  numPartitions: 2,
  batchTime: seq * 1000,
  digest: `plan ${seq}`,
  offsetRanges: [],
  signal: new AbortController().signal,
});

/** The sink as an executor has it. */
async function opened<T>(t: TestContext, options: PostgresOptions<T>) {
  const sink = postgres<T>(options)["~sink"] as unknown as PartitionSink<T, unknown>;
  const connection = await sink.open(identity);
  t.after(() => sink.close(connection));
  return {
    fence: (epoch: number) => sink.fence(connection, epoch, 2, identity),
    progress: () => sink.progress!(connection, identity),
    commit: (values: AsyncIterable<readonly T[]>, ...which: Parameters<typeof commitOf>) =>
      sink.commitPartition(connection, partitionOf(values), commitOf(...which)),
    give: (values: AsyncIterable<readonly T[]>, commit: PartitionCommit) =>
      sink.commitPartition(connection, partitionOf(values), commit),
  };
}

async function* chunksOf<T>(...chunks: readonly (readonly T[])[]): AsyncGenerator<readonly T[]> {
  yield* chunks;
}

test("an output has come as far as the partition that has come furthest", async (t) => {
  const sink = await opened<{ n: number }>(t, { connection: await server.createDatabase(), ...numbers });
  await sink.fence(1);
  await sink.commit(chunksOf([{ n: 1 }]), 0, 9);
  await sink.commit(chunksOf([{ n: 2 }]), 1, 10, 2);
  assert.deepEqual(await sink.progress(), { seq: 10, epoch: 2, seqs: [9, 10] });
});

test("two partitions are written at once: neither waits for the other", async (t) => {
  const sink = await opened<{ n: number }>(t, { connection: await server.createDatabase(), ...numbers });
  const firstIsOpen = Promise.withResolvers<void>();
  const secondIsDone = Promise.withResolvers<void>();
  const first = sink.commit(
    (async function* () {
      firstIsOpen.resolve();
      await secondIsDone.promise;
      yield [{ n: 1 }];
    })(),
    0,
  );
  await firstIsOpen.promise;
  assert.equal(await sink.commit(chunksOf([{ n: 2 }]), 1), "written");
  secondIsDone.resolve();
  assert.equal(await first, "written");
});

test("a new driver does not wait for a paused one, whose transaction is ended and refused", async (t) => {
  const connection = await server.createDatabase();
  const old = await opened<{ n: number }>(t, { connection, ...numbers });
  const next = await opened<{ n: number }>(t, { connection, ...numbers });
  await old.fence(1);
  const paused = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const values = (async function* () {
    paused.resolve();
    await goOn.promise;
    yield [{ n: 1 }];
  })();
  const lost = assert.rejects(old.commit(values, 0), { code: "SINK_FAILED" });
  await paused.promise;
  await next.fence(2);
  goOn.resolve();
  await lost;
  await assert.rejects(old.commit(chunksOf([{ n: 1 }]), 0), { code: "FENCED" });
  await assert.rejects(old.commit(chunksOf([{ n: 1 }]), 1), { code: "FENCED" });
  assert.deepEqual(await query(connection, "select n from numbers"), []);
});

test("a fence that ends sessions which lay idle in an executor fails none of its next tasks", async (t) => {
  const direct = await server.createDatabase();
  await using proxy = await startTcpProxy(server.port);
  const driver = await opened<{ n: number }>(t, { connection: direct, ...numbers });
  const connection = direct.replace(`:${server.port}/`, `:${proxy.port}/`);
  const executor = await opened<{ n: number }>(t, { connection, ...numbers });
  const commitBoth = (seq: number, epoch: number) =>
    Promise.all(
      [0, 1].map((partition) => executor.commit(chunksOf([{ n: 10 * seq + partition }]), partition, seq, epoch)),
    );
  await driver.fence(1);
  await commitBoth(1, 1);
  // The executor is told only when it has taken the sessions up again.
  proxy.holdAnswers();
  await driver.fence(2);
  const next = commitBoth(2, 2);
  proxy.restore();
  assert.deepEqual(await next, ["written", "written"]);
  const rows = await query(direct, "select n from numbers order by n");
  assert.deepEqual(
    rows.map(({ n }) => n),
    [10, 11, 20, 21],
  );
});

test("a driver that asks how far its output has come is not ended by another one's fence", async (t) => {
  const connection = await server.createDatabase();
  const old = await opened<{ n: number }>(t, { connection, ...numbers });
  const next = await opened<{ n: number }>(t, { connection, ...numbers });
  await old.fence(1);
  const stranger = new pg.Client(connection);
  await stranger.connect();
  t.after(() => stranger.end());
  await stranger.query("begin; lock table millrace_progress in access exclusive mode");
  const waiting = async () => {
    const { rows } = await stranger.query(
      "select count(*)::integer as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    return rows[0].n as number;
  };
  const asking = next.progress();
  asking.catch(() => {});
  await waitUntil("the question waits", async () => (await waiting()) === 1);
  const fencing = old.fence(2);
  await waitUntil("the fence waits behind it", async () => (await waiting()) === 2);
  await stranger.query("commit");
  assert.equal((await asking)?.seq, 0);
  await fencing;
});

test("no transaction waits for a lock or stays idle for ever, and commits wait for the disk", async (t) => {
  const connection = await server.createDatabase();
  await query(
    connection,
    "do $$ begin execute format('alter database %I set synchronous_commit = off', current_database()); end $$",
  );
  const settings = new Map<string, unknown>();
  const sink = await opened<number>(t, {
    connection,
    async write(client) {
      for (const name of ["lock_timeout", "idle_in_transaction_session_timeout", "synchronous_commit"]) {
        settings.set(name, (await client.query(`show ${name}`)).rows[0]![name]);
      }
    },
  });
  await sink.fence(1);
  await sink.commit(chunksOf([1]), 0);
  assert.deepEqual(Object.fromEntries(settings), {
    lock_timeout: "15s",
    idle_in_transaction_session_timeout: "1min",
    synchronous_commit: "on",
  });
});

test("a second attempt waits until the first has ended, and then writes nothing", async (t) => {
  const connection = await server.createDatabase();
  const sink = await opened<{ n: number }>(t, { connection, ...numbers });
  const begun = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const values = (async function* () {
    begun.resolve();
    await goOn.promise;
    yield [{ n: 1 }];
  })();
  const first = sink.commit(values, 0);
  await begun.promise;
  const second = sink.commit(chunksOf([{ n: 1 }]), 0);
  const waiting = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
  await waitUntil("the second waits", async () => (await query(connection, waiting)).length === 1);
  goOn.resolve();
  assert.deepEqual([await first, await second], ["written", "already written"]);
  assert.deepEqual(await query(connection, "select n from numbers"), [{ n: 1 }]);
});

test("an attempt that was given up holds no row, whatever it waits for, and when it wakes it writes nothing", async (t) => {
  const connection = await server.createDatabase();
  const begun = Promise.withResolvers<void>();
  const wakes = Promise.withResolvers<void>();
  const late: unknown[] = [];
  const sink = await opened<number>(t, {
    connection,
    setup: numbers.setup,
    async write(client, partition) {
      for await (const n of partition) {
        await client.query("insert into numbers values ($1)", [n]);
        if (n !== 1) continue;
        begun.resolve();
        await wakes.promise;
        await client.query("insert into numbers values (3)").catch((error) => late.push(error.code));
        await client.query("commit").catch((error) => late.push(error.code));
      }
    },
  });
  const givenUp = new AbortController();
  const stale = sink.give(chunksOf([1]), { ...commitOf(0), signal: givenUp.signal });
  await begun.promise;
  givenUp.abort(new Error("taskTimeout"));
  const start = performance.now();
  assert.equal(await sink.commit(chunksOf([2]), 0), "written");
  assert.ok(performance.now() - start < 15_000, "it has not waited for lock_timeout");
  wakes.resolve();
  await assert.rejects(stale);
  assert.deepEqual(late, ["SINK_FAILED", "SINK_FAILED"]);
  assert.deepEqual(await query(connection, "select n from numbers"), [{ n: 2 }]);
});

test("transactions that lock each other's rows are tried again until both are written", async (t) => {
  const connection = await server.createDatabase();
  const setup = "create table if not exists counts (word text primary key, n integer)";
  const row = (word: string) => ({ word, n: 1 });
  const sink = await opened<string>(t, { connection, setup, table: "counts", upsertBy: ["word"], row });
  // Each holds its first row before either asks for the other's.
  let holding = 0;
  const bothHold = Promise.withResolvers<void>();
  const thousand = (word: string) => Array.from({ length: 1000 }, () => word);
  async function* crossing(first: string, second: string) {
    yield thousand(first);
    if (++holding === 2) bothHold.resolve();
    await bothHold.promise;
    yield [second];
  }
  const written = await Promise.all([sink.commit(crossing("a", "b"), 0), sink.commit(crossing("b", "a"), 1)]);
  assert.deepEqual(written, ["written", "written"]);
  assert.deepEqual(await query(connection, "select * from counts order by word"), [row("a"), row("b")]);
});

test("more rows than a statement has room for are written, and of one key the last stays", async (t) => {
  const connection = await server.createDatabase();
  const columns = Array.from({ length: 100 }, (_, i) => `c${i}`);
  const setup = `create table if not exists wide (id integer primary key, ${columns.map((c) => `${c} integer`).join(", ")})`;
  const row = (n: number) => ({ id: n % 900, ...Object.fromEntries(columns.map((c) => [c, n])) });
  const sink = await opened<number>(t, { connection, setup, table: "public.wide", upsertBy: ["id"], row });
  await sink.commit(chunksOf(Array.from({ length: 1000 }, (_, n) => n)), 0);
  const rows = await query(connection, "select count(*)::int as n, sum(c99)::int as sum from wide");
  const last = [...Array(1000).keys()].filter((n) => n >= 100);
  assert.deepEqual(rows, [{ n: 900, sum: last.reduce((a, b) => a + b) }]);
});

test("rows of an upsert are locked in the order of their keys, so that two partitions do not wait for each other in a circle", async (t) => {
  const connection = await server.createDatabase();
  const setup = "create table if not exists locked (key text primary key, place bigint generated always as identity)";
  const sink = await opened<string>(t, {
    connection,
    setup,
    table: "locked",
    upsertBy: ["key"],
    row: (key) => ({ key }),
  });
  await sink.commit(chunksOf(["b", "d", "a", "c", "a"]), 0);
  const rows = await query(connection, "select key from locked order by place");
  assert.deepEqual(rows.map(({ key }) => key).join(""), "abcd");
});

test("write() has the transaction of the partition, and may not end it", async (t) => {
  const connection = await server.createDatabase();
  const endings = ["commit", " -- so\n;/* and */ROLLBACK", "begin", "abort", "end"];
  const sink = await opened<number>(t, {
    connection,
    setup: numbers.setup,
    async write(client, partition, { seq }) {
      for await (const n of partition) await client.query("insert into numbers values ($1)", [n]);
      await client.query("savepoint here");
      await client.query("rollback to here");
      if (seq === 9) await client.query("select 1; commit");
      else if (seq > 1) await client.query(endings[seq - 2]!);
    },
  });
  assert.equal(await sink.commit(chunksOf([1]), 0), "written");
  for (const i of endings.keys()) {
    await assert.rejects(sink.commit(chunksOf([2]), 0, i + 2), { code: "SINK_FAILED", message: /begin or end/ });
  }
  await assert.rejects(sink.commit(chunksOf([2]), 0, 9), { code: "SINK_FAILED", message: /multiple commands/ });
  assert.deepEqual(await query(connection, "select n from numbers"), [{ n: 1 }]);
});

test("when the reply of COMMIT is lost, the next attempt finds what was decided", async (t) => {
  const direct = await server.createDatabase();
  await using proxy = await startTcpProxy(server.port);
  const connection = direct.replace(`:${server.port}/`, `:${proxy.port}/`);
  // Runs inside COMMIT, and holds it until the test has cut the connection.
  const setup = `${numbers.setup};
    create or replace function hold() returns trigger language plpgsql as
      'begin perform pg_advisory_xact_lock(7); return null; end';
    create constraint trigger hold after insert on numbers deferrable initially deferred for each row execute function hold()`;
  const sink = await opened<{ n: number }>(t, { connection, ...numbers, setup });
  const holder = new pg.Client(direct);
  await holder.connect();
  await holder.query("select pg_advisory_lock(7)");
  const lost = assert.rejects(sink.commit(chunksOf([{ n: 1 }]), 0), { code: "SINK_FAILED" });
  const waiting = "select 1 from pg_stat_activity where wait_event = 'advisory' and datname = current_database()";
  await waitUntil("COMMIT has begun", async () => (await holder.query(waiting)).rowCount === 1);
  proxy.cut();
  await lost;
  proxy.restore();
  const again = sink.commit(chunksOf([{ n: 1 }]), 0);
  await holder.query("select pg_advisory_unlock(7)");
  await holder.end();
  assert.equal(await again, "already written");
  assert.deepEqual(await query(direct, "select n from numbers"), [{ n: 1 }]);
});

const totals = (connection: string, table = "totals") =>
  defineJob({ appName: "totals", batchInterval: "20ms", master: "local", trigger: "availableNow" }, (ssc) => {
    ssc
      .queueStream([["a", "b", "a"], ["a"]], { numPartitions: 2 })
      .map((word) => [word, 1])
      .reduceByKey((a, b) => a + b)
      .saveTo(
        postgres({
          connection,
          table,
          upsertBy: ["word"],
          row: ([word, n], { seq }) => ({ word, n, seq, at: new Date(0), more: { odd: n % 2 === 1 } }),
          setup:
            "create table if not exists totals (word text primary key, n integer, seq integer, at timestamptz, more jsonb)",
        }),
        { name: "totals" },
      );
  });

test("a job upserts the rows of each batch", async () => {
  const connection = await server.createDatabase();
  const running = await runJob(totals(connection));
  await running.awaitTermination();
  assert.deepEqual(await query(connection, "select * from totals order by word"), [
    { word: "a", n: 1, seq: 2, at: new Date(0), more: { odd: true } },
    { word: "b", n: 1, seq: 1, at: new Date(0), more: { odd: true } },
  ]);
});

test("wrong credentials, a missing table and options that do not fit are said with what to do, never with the password", async () => {
  const connection = await server.createDatabase();
  const missing = await runJob(totals(connection, "other"));
  await assert.rejects(missing.awaitTermination(), { code: "SINK_FAILED", message: /"other" does not exist/ });
  const wrong = await runJob(totals(connection.replace("secret", "guessed")));
  await assert.rejects(wrong.awaitTermination(), (error: Error & { hint: string }) => {
    assert.match(error.message, /password authentication failed/);
    assert.match(error.hint, /user and the password/);
    assert.doesNotMatch(error.message, /guessed/);
    return true;
  });
  assert.throws(
    () => postgres({ connection: "secret@host", ...numbers }),
    (error: Error & { code: string }) => {
      assert.equal(error.code, "BAD_OPTION");
      assert.doesNotMatch(error.message, /secret/);
      return true;
    },
  );
  assert.throws(() => postgres({ connection } as never), { code: "BAD_OPTION", message: /either "table" and "row"/ });
});
