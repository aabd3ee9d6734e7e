/** A server that refuses, restarts or is cut off: a clear error, nothing lost, and when the cause is gone the job goes on. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { after, before, type TestContext, test } from "node:test";
import { type PostgresOptions, postgres } from "millrace/sinks";
import { type PostgresServer, query, startPostgres } from "../helpers/postgres.ts";
import { recoveringJob } from "../helpers/recovering-job.ts";

let server: PostgresServer;
before(async () => {
  server = await startPostgres();
});
after(() => server.stop());

const setup = "create table if not exists numbers (n integer)";
const table = { table: "numbers", row: (n: number) => ({ n }) };

/** A job that has written its first ten numbers, and ten more to write, as a user who owns nothing but what it made. */
async function halfWritten(t: TestContext) {
  const owner = await server.createDatabase();
  const name = `user_of_${new URL(owner).pathname.slice(1)}`;
  await query(owner, `create user ${name} password 'right'; grant create on schema public to ${name}; ${setup}`);
  await query(owner, `grant insert on numbers to ${name}`);
  const connection = owner.replace("postgres:secret", `${name}:right`);
  const job = await recoveringJob(t);
  const sink = (options: Partial<PostgresOptions<number>> = {}) =>
    postgres<number>({ connection, ...table, ...options } as PostgresOptions<number>);
  const stored = async () => (await query(owner, "select n from numbers order by n")).map(({ n }) => n);
  await job.produce(10);
  await job.run(sink());
  await job.produce(10);
  return {
    name,
    connection,
    sink,
    job,
    stored,
    exec: (sql: string) => query(owner, sql),
    fails: (message: RegExp, hint: RegExp) => job.fails(sink(), message, hint),
    async goesOn(): Promise<void> {
      assert.deepEqual(await stored(), [...Array(10).keys()]);
      await job.run(sink());
      assert.deepEqual(await stored(), job.numbers());
    },
  };
}

test("a right that was revoked, and a password that was changed", async (t) => {
  const { name, fails, exec, goesOn } = await halfWritten(t);
  await exec(`revoke insert on numbers from ${name}`);
  await fails(/permission denied for table numbers/, /right to write to the table/);
  await exec(`grant insert on numbers to ${name}; alter user ${name} password 'wrong'`);
  await fails(/password authentication failed/, /user and the password/);
  await exec(`alter user ${name} password 'right'`);
  await goesOn();
});

test("a table that is dropped, and one whose columns or constraints do not fit", async (t) => {
  const { fails, exec, goesOn } = await halfWritten(t);
  await exec("alter table numbers rename to away");
  await fails(/"numbers" does not exist/, /Make the table/);
  await exec("alter table away rename to numbers; alter table numbers rename n to m");
  await fails(/column "n" of relation "numbers" does not exist/, /column that the table does not have/);
  await exec("alter table numbers rename m to n; alter table numbers add constraint small check (n < 15)");
  await fails(/violates check constraint "small"/, /rolled back/);
  await exec("alter table numbers drop constraint small");
  await goesOn();
});

test("a server whose disk is full, and one that takes no more connections", async (t) => {
  const { name, fails, exec, goesOn } = await halfWritten(t);
  // What the server says when it cannot extend a file.
  await exec(`create function full_disk() returns trigger language plpgsql as
    'begin raise exception ''could not extend file'' using errcode = ''disk_full''; end';
    create trigger full_disk before insert on numbers for each row when (new.n = 15) execute function full_disk()`);
  await fails(/could not extend file/, /Make room/);
  await exec(`drop trigger full_disk on numbers; alter user ${name} connection limit 0`);
  await fails(/too many connections/, /no connection left/);
  await exec(`alter user ${name} connection limit -1`);
  await goesOn();
});

test("a server that is restarted while a partition is written: the task runs again, and the batch is there once", async (t) => {
  const { connection, stored, job } = await halfWritten(t);
  let restarts = 0;
  const sink = postgres<number>({
    connection,
    async write(client, partition) {
      for await (const n of partition) {
        await client.query("insert into numbers values ($1)", [n]);
        if (n === 15 && restarts++ === 0) await server.restart();
      }
    },
  });
  await job.run(sink);
  assert.equal(restarts, 2);
  assert.deepEqual(await stored(), job.numbers());
});

/** Passes on what clients say, up to a message; then their connections are cut, before the server has it or right after. */
async function cuttingProxy(t: TestContext, target: number, cutAt: number, when: "before" | "after") {
  let messages = 0;
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const toServer = connect(target, "127.0.0.1");
    for (const [from, to] of [
      [client, toServer],
      [toServer, client],
    ] as const) {
      sockets.add(from);
      from.on("error", () => {});
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
    toServer.on("data", (bytes) => client.write(bytes));
    client.on("data", (bytes) => {
      const cut = messages++ === cutAt;
      if (!cut || when === "after") toServer.write(bytes);
      if (!cut) return;
      toServer.end();
      client.destroy();
    });
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  t.after(() => {
    proxy.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (proxy.address() as AddressInfo).port, reached: () => messages > cutAt };
}

for (const when of ["before", "after"] as const) {
  test(`a connection that is cut at any statement, ${when} the server has it`, async (t) => {
    const { connection, sink, job, stored } = await halfWritten(t);
    await job.run(sink());
    let failures = 0;
    for (let cutAt = 0; ; cutAt++) {
      const proxy = await cuttingProxy(t, server.port, cutAt, when);
      const throughProxy = connection.replace(`:${server.port}/`, `:${proxy.port}/`);
      await job.produce(5);
      await job.run(sink({ connection: throughProxy })).catch((error) => {
        assert.equal(error.code, "SINK_FAILED");
        assert.notEqual(error.hint, "");
        failures++;
      });
      if (!proxy.reached()) break;
      await job.run(sink());
      assert.deepEqual(await stored(), job.numbers(), `cut at message ${cutAt}`);
    }
    assert.ok(failures > 5, `${failures} starts failed`);
    assert.deepEqual(await stored(), job.numbers());
  });
}
