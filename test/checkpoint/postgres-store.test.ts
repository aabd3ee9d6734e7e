import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { Checkpoint } from "../../src/checkpoint/checkpoint.ts";
import { PostgresStore } from "../../src/checkpoint/postgres-store.ts";
import { type PostgresServer, startPostgres } from "../helpers/postgres.ts";
import { startTcpProxy, type TcpProxy } from "../helpers/tcp-proxy.ts";
import { waitUntil } from "../helpers/wait-until.ts";
import { storeContract } from "./store-contract.ts";

let server: PostgresServer;
let database: string;
before(async () => {
  server = await startPostgres();
  database = await server.createDatabase();
});
after(() => server.stop());

let count = 0;
storeContract(
  "postgres",
  () => PostgresStore.open(`${database}#${++count}`),
  () => PostgresStore.open(`${database}#${count}`),
);

const through = (proxy: TcpProxy, url: string) => url.replace(`:${server.port}/`, `:${proxy.port}/`);

async function connected(t: TestContext, url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  await client.connect();
  t.after(() => client.end());
  return client;
}

async function opened(t: TestContext, url: string): Promise<PostgresStore> {
  const store = await PostgresStore.open(url);
  t.after(() => store.close());
  return store;
}

test("pieces of many megabytes are kept, and any part of them is read", async (t) => {
  const store = await opened(t, `${database}#large`);
  await store.create("state");
  const piece = (fill: number) => Buffer.alloc(9_000_000, fill);
  await store.append("state", 0, piece(1));
  await store.append("state", 9_000_000, piece(2));
  const part = await store.read("state", { position: 8_999_998, length: 4 });
  assert.deepEqual([...part], [1, 1, 2, 2]);
  assert.deepEqual([...(await store.read("state", { position: 17_999_999, length: 100 }))], [2]);
  assert.ok(Buffer.concat([piece(1), piece(2)]).equals(await store.read("state")));
});

test("a segment takes nothing but at its end, and only the same bytes twice", async (t) => {
  const store = () => opened(t, `${database}#end`);
  const first = await store();
  await first.create("a");
  await first.append("a", 0, Buffer.from("one"));
  await (await store()).append("a", 0, Buffer.from("one"));
  for (const [position, text] of [
    [0, "two"],
    [2, "two"],
    [4, "two"],
  ] as const) {
    const other = await store();
    await assert.rejects(other.append("a", position, Buffer.from(text)), { code: "CHECKPOINT_CORRUPT" });
    await assert.rejects(other.append("a", 3, Buffer.from(text)), { code: "CHECKPOINT_CORRUPT" }, "it stays refused");
  }
  assert.equal(Buffer.from(await first.read("a")).toString(), "one");
});

test("when the answer of an append is lost, it is found out that it was written, once", async (t) => {
  const direct = await server.createDatabase();
  await using proxy = await startTcpProxy(server.port);
  const store = await opened(t, through(proxy, direct));
  await store.create("a");
  // Runs inside the commit, and holds it until the test has cut the connection.
  const holder = await connected(t, direct);
  await holder.query(`
    create function hold() returns trigger language plpgsql as
      'begin perform pg_advisory_xact_lock(7); return null; end';
    create constraint trigger hold after insert on millrace_checkpoint deferrable initially deferred
      for each row execute function hold()`);
  await holder.query("select pg_advisory_lock(7)");
  const appended = store.append("a", 0, Buffer.from("once"));
  const waiting = "select 1 from pg_stat_activity where wait_event = 'advisory' and datname = current_database()";
  await waitUntil("the commit has begun", async () => (await holder.query(waiting)).rowCount === 1);
  proxy.cut();
  proxy.restore();
  await holder.query("select pg_advisory_unlock(7)");
  await appended;
  const { rows } = await holder.query(
    "select position::integer, convert_from(bytes, 'UTF8') as text from millrace_checkpoint",
  );
  assert.deepEqual(rows, [{ position: 0, text: "once" }]);
});

test("when the answer of a create is lost, the segment is its own all the same", async (t) => {
  const direct = await server.createDatabase();
  await using proxy = await startTcpProxy(server.port);
  const store = await opened(t, through(proxy, direct));
  const holder = await connected(t, direct);
  await holder.query(`
    create function hold() returns trigger language plpgsql as
      'begin perform pg_advisory_xact_lock(7); return null; end';
    create constraint trigger hold after insert on millrace_segments deferrable initially deferred
      for each row execute function hold()`);
  await holder.query("select pg_advisory_lock(7)");
  const created = store.create("a");
  const waiting = "select 1 from pg_stat_activity where wait_event = 'advisory' and datname = current_database()";
  await waitUntil("the commit has begun", async () => (await holder.query(waiting)).rowCount === 1);
  proxy.cut();
  proxy.restore();
  await holder.query("select pg_advisory_unlock(7)");
  assert.equal(await created, true);
  assert.equal(await store.create("a"), false);
});

test("a server that does not come back ends the driver's writing for good", async (t) => {
  const direct = await server.createDatabase();
  await using proxy = await startTcpProxy(server.port);
  let now = 0;
  const clock = {
    now: () => now,
    sleepUntil: async (time: number) => {
      now = time;
    },
  };
  const store = await PostgresStore.open(through(proxy, direct), clock);
  t.after(() => store.close());
  await store.create("a");
  proxy.cut();
  await assert.rejects(store.append("a", 0, Buffer.from("x")), { code: "CHECKPOINT_UNUSABLE" });
  assert.ok(now >= 30_000, `gave up after ${now} ms`);
  proxy.restore();
  await assert.rejects(store.append("a", 0, Buffer.from("y")), { code: "CHECKPOINT_UNUSABLE" });
  assert.equal((await store.read("a")).length, 0);
});

test("an older driver is fenced, also when its segment is long gone", async (t) => {
  const place = `${await server.createDatabase()}#job`;
  const open = async () => Checkpoint.open(await opened(t, place), "job");
  const first = await open();
  await first.start({ views: [{ topic: "views", partition: 0, offset: 5 }] });
  const second = await open();
  await assert.rejects(first.start({ more: [] }), { code: "FENCED" });
  const third = await open();
  assert.deepEqual(third.world.positions?.views?.[0]?.offset, 5);
  // The first one's segment was deleted by the third.
  await assert.rejects(first.start({ more: [] }), { code: "FENCED" });
  await assert.rejects(second.start({ more: [] }), { code: "FENCED" });
});

test("commits wait for the disk, also where the database's default is not to", async (t) => {
  const direct = await server.createDatabase();
  const admin = await connected(t, direct);
  await admin.query(`alter database ${new URL(direct).pathname.slice(1)} set synchronous_commit = off`);
  const store = await opened(t, direct);
  await admin.query(`
    create function refuse() returns trigger language plpgsql as
      'begin if current_setting(''synchronous_commit'') = ''off'' then raise ''not durable''; end if; return new; end';
    create trigger refuse before insert on millrace_checkpoint for each row execute function refuse()`);
  await store.create("a");
  await store.append("a", 0, Buffer.from("x"));
});

test("a wrong password and a server that is not there are said at once, without the password", async () => {
  const refused = (message: RegExp, hint: RegExp) => (error: Error & { code: string; hint: string }) => {
    assert.equal(error.code, "CHECKPOINT_UNUSABLE");
    assert.match(error.message, message);
    assert.match(error.hint, hint);
    assert.doesNotMatch(error.message, /guessed/);
    return true;
  };
  const wrong = database.replace("secret", "guessed");
  await assert.rejects(PostgresStore.open(wrong), refused(/password authentication failed/, /user and the password/));
  const absent = wrong.replace(`:${server.port}/`, ":1/");
  await assert.rejects(PostgresStore.open(absent), refused(/ECONNREFUSED/, /No server listens/));
});

test("millrace checkpoint shows and verifies a checkpoint in Postgres", async () => {
  const place = `${database}#shown`;
  const checkpoint = await Checkpoint.open(await PostgresStore.open(place), "page-views");
  await checkpoint.start({ views: [{ topic: "views", partition: 3, offset: 42 }] });
  await checkpoint.close();
  const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
  const millrace = (command: string) =>
    spawnSync(process.execPath, [main, "checkpoint", command, place], { encoding: "utf8" });
  assert.match(millrace("show").stdout, /page-views, epoch 1.*\n.*views\n.*views-3 goes on at 42/);
  assert.match(millrace("verify").stdout, /epoch-0000000001.log: 2 entries/);
});
