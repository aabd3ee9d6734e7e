import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { useKafka } from "../../dev/kafka/index.ts";
import { type PostgresServer, startPostgres } from "../../test/helpers/postgres.ts";
import { machineAndVersions } from "../machine.ts";
import { type Command, LeftOut } from "../peers/peer.ts";
import { sparkLatency } from "../peers/spark.ts";
import { measureSync } from "./disk.ts";
import { measureLatency, type Surroundings } from "./measure.ts";
import { type LatencyOptions, parseOptions, usage } from "./options.ts";
import type { LatencyHeat } from "./run.ts";
import { cellsOf, columns } from "./table.ts";

/** `npm run bench:latency -- --help` */

const progress = (line: string) => void process.stderr.write(`${line}\n`);
function readOptions(): LatencyOptions | undefined {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    progress(`${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
}

async function bench({ json, ...options }: LatencyOptions): Promise<void> {
  progress("building the package ...");
  execFileSync(process.execPath, [join(import.meta.dirname, "../../dev/build.ts")], { stdio: "inherit" });
  const folder = await mkdtemp(join(options.folder ?? tmpdir(), "millrace-latency-"));
  const runs = [...options.runs];
  let spark: ((heat: LatencyHeat) => Command) | undefined;
  if (runs.some(({ system }) => system === "spark-structured")) spark = await sparkIfThere();
  let postgres: PostgresServer | undefined;
  if (runs.some(({ sink }) => sink === "postgres")) postgres = await startPostgres({ durable: true });
  await using kafka = await useKafka({ fast: "run" });
  const about = await machineAndVersions();
  try {
    const surroundings: Surroundings = {
      ...options,
      folder,
      bootstrap: kafka.bootstrap,
      createDatabase: () => postgres!.createDatabase(),
      command: (heat) => (heat.system === "millrace" ? millrace(heat) : spark!(heat)),
    };
    const lines: string[] = [];
    for (const run of runs) {
      if (run.system === "spark-structured" && spark === undefined) continue;
      const sync = measureSync(folder);
      const result = await measureLatency(run, surroundings);
      lines.push(rowOf(cellsOf(result, sync)));
      progress(lines.at(-1)!);
      const fdatasync = { p50: Number(sync.p50.toFixed(3)), p99: Number(sync.p99.toFixed(3)) };
      const { threads } = options;
      if (json) process.stdout.write(`${JSON.stringify({ ...result, threads, fdatasync, ...about })}\n`);
    }
    if (!json) process.stdout.write(`${[rowOf(columns), rowOf(columns.map(() => "---")), ...lines].join("\n")}\n`);
  } finally {
    await postgres?.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const millrace = (heat: LatencyHeat): Command => ({
  file: process.execPath,
  args: [join(import.meta.dirname, "millrace.ts"), JSON.stringify(heat)],
  env: heat.trigger === "onData" ? {} : { BENCH_BATCH_INTERVAL: heat.trigger },
});

async function sparkIfThere(): Promise<((heat: LatencyHeat) => Command) | undefined> {
  try {
    return await sparkLatency(progress);
  } catch (error) {
    if (!(error instanceof LeftOut)) throw error;
    progress(`left out: spark-structured, because ${error.message}`);
    return undefined;
  }
}

const rowOf = (cells: readonly (string | number)[]) => `| ${cells.join(" | ")} |`;

const options = readOptions();
if (options === undefined) process.stdout.write(usage);
else await bench(options);
