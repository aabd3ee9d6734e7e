/** The job of the README and the examples that are run by `millrace run`, as a user runs them. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, type TestContext, test } from "node:test";
import { bootstrapServers, createTopic } from "../helpers/kafka.ts";
import { produce } from "../helpers/produce.ts";
import { rowsOf } from "../helpers/sqlite.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";
import { runExample } from "./run-program.ts";

const root = join(import.meta.dirname, "../..");

const viewsFrom = (...countries: string[]) =>
  countries.map((country, i) => ({ value: JSON.stringify({ user: "u", page: "/", country, ms: 10 * (i + 1) }) }));

function run(t: TestContext, job: string, folder: string, topic: string, ...more: string[]) {
  const where = ["--param", `brokers=${bootstrapServers()}`, "--param", `topic=${topic}`];
  const checkpoint = ["--checkpoint-directory", join(folder, "checkpoint")];
  return runExample(t, "../src/cli/main.ts", "run", job, "--executors", "2", ...where, ...checkpoint, ...more);
}

suite("jobs", { concurrency: true }, () => {
  test("the job of the README counts each view once, over two runs", async (t) => {
    mkdirSync(join(root, ".cache"), { recursive: true });
    // Inside the repository, so that "millrace" means this package.
    const folder = mkdtempSync(join(root, ".cache", "readme-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const [, program = ""] = /## A job\n.*?```ts\n(.*?)```/s.exec(readFileSync(join(root, "README.md"), "utf8")) ?? [];
    const database = join(folder, "totals.sqlite");
    const job = join(folder, "page-views.ts");
    writeFileSync(job, program.replace('"page-views.sqlite"', JSON.stringify(database)));
    const topic = await createTopic(t, { partitions: 2 });

    for (const [countries, totals] of [
      [
        ["NL", "DE", "NL"],
        [
          ["DE", 1],
          ["NL", 2],
        ],
      ],
      [
        ["NL"],
        [
          ["DE", 1],
          ["NL", 3],
        ],
      ],
    ] as const) {
      await produce(topic, viewsFrom(...countries));
      const { code, stderr } = await run(t, job, folder, topic, "--trigger", "availableNow").ended;
      assert.equal(code, 0, stderr);
      assert.deepEqual(rowsOf(database, "select country, views from totals order by country"), totals);
    }
  });

  test("last-minute keeps the views of each window, until they leave it", async (t) => {
    const folder = temporaryFolder(t);
    const database = join(folder, "views.sqlite");
    const topic = await createTopic(t, { partitions: 2 });
    await produce(topic, viewsFrom("NL", "DE", "NL"));
    const window = ["--param", "window=3s", "--param", "slide=1s", "--param", `database=${database}`];
    const program = run(t, join(root, "examples/last-minute.ts"), folder, topic, ...window, "--progress-json");
    await program.printed(/"seq":4,/);
    program.interrupt();
    assert.equal((await program.ended).code, 0);
    const kept = rowsOf(database, "select distinct country, views, ms_on_average from last_minute order by country");
    assert.deepEqual(kept, [
      ["DE", 1, 20],
      ["NL", 2, 20],
    ]);
    // In the batch that read them and in the two after it, unless a busy machine missed a tick; not in the fourth.
    const [[span]] = rowsOf(database, "select max(until) - min(until) from last_minute") as [[number]];
    assert.ok(span <= 2_000, `windows ${span} ms apart hold the same views`);
  });
});
