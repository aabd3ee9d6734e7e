/** Proves that millrace/testing works under Vitest: packs the package, installs it with Vitest into an empty folder, runs one file of tests. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const files: { readonly [path: string]: string } = {
  "package.json": JSON.stringify({ type: "module", private: true }),
  "vitest.config.ts": `
    import { fileURLToPath } from "node:url";
    export default { test: { include: ["*.test.ts"] }, resolve: { alias: { "@": fileURLToPath(new URL(".", import.meta.url)) } } };
  `,
  "rate.ts": "export const rate = (): number => 2;",
  "job.ts": `
    import { defineJob, executorId, json, KafkaUtils } from "millrace";
    import { rate } from "./rate.ts";

    export default defineJob({ appName: "prices", batchInterval: "1s", module: import.meta.url }, (ssc) => {
      KafkaUtils.createDirectStream(ssc, ["prices"], { "bootstrap.servers": "nowhere:9092" }, { valueDecoder: json<{ price: number }>() })
        .map(({ value }) => [value.price * rate(), executorId ?? -1])
        .foreachRDD(() => {}, { name: "prices" });
    });
  `,
  "job.test.ts": `
    import { runPipeline, sinkContract, testJob } from "millrace/testing";
    import { sqlite } from "millrace/sinks";
    import { expect, test, vi } from "vitest";
    import job from "@/job.ts";

    vi.mock("@/rate.ts", () => ({ rate: () => 10 }));

    test("a pipeline", async () => {
      const counts = await runPipeline([["a", "b", "a"], []], (words) => words.countByValue());
      expect(counts).toEqual([[["a", 2], ["b", 1]], []]);
    });

    test("a job in this process, where mocks apply", async () => {
      await using run = await testJob(job, { topics: { prices: {} } });
      run.send("prices", [{ value: { price: 3 } }]);
      await run.crash("after outputs");
      await run.restart();
      await run.tick();
      expect(run.output("prices")).toEqual([[30, -1]]);
    });

    test("a job on threads, where they do not", async () => {
      await using run = await testJob(job, { topics: { prices: {} }, master: "local[2]" });
      run.send("prices", [{ value: { price: 3 } }]);
      await run.tick();
      const [[price, executorId]] = run.output<[number, number]>("prices");
      expect(price).toBe(6);
      expect(executorId).toBeGreaterThanOrEqual(0);
    });

    test("an error of the engine", async () => {
      await expect(testJob(job, { topics: {} })).rejects.toMatchObject({ code: "TOPIC_NOT_FOUND" });
    });

    sinkContract(test, async () => {
      const { DatabaseSync } = await import("node:sqlite");
      const { mkdtempSync } = await import("node:fs");
      const path = mkdtempSync("database-") + "/db";
      const setup = "create table if not exists numbers (n integer)";
      return {
        sink: sqlite<number>({ path, setup, table: "numbers", row: (n) => ({ n }) }),
        value: (i: number) => i,
        stored: async () => new DatabaseSync(path).prepare("select n from numbers").all().map(({ n }) => Number(n)),
      };
    });
  `,
};

const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "millrace-vitest-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const packed = join(folder, "packed");
const project = join(folder, "project");
mkdirSync(packed);
mkdirSync(project);
for (const [path, text] of Object.entries(files)) writeFileSync(join(project, path), text);
const [{ filename }] = JSON.parse(run(root, "npm", "pack", "--json", "--pack-destination", packed)) as [
  { filename: string },
];
run(project, "npm", "install", "--no-audit", "--no-fund", "--loglevel=error", join(packed, filename), "vitest");
console.log(run(project, process.execPath, "node_modules/vitest/vitest.mjs", "run", "--reporter=verbose"));

function run(cwd: string, command: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (status === 0) return stdout;
  console.error(stdout, stderr);
  process.exit(1);
}
