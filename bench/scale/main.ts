import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { useKafka } from "../../dev/kafka/index.ts";
import { machineAndVersions } from "../machine.ts";
import { countOf, listOf } from "../options.ts";
import { type ScaleOptions, type ScaleRow, scaleRows } from "./rows.ts";

const rowNames = Object.keys(scaleRows) as ScaleRow[];

const usage = `npm run bench:scale -- [options]

How millrace behaves as things grow, one JSON line for each figure on stdout.

  --rows a,b          of ${rowNames.join(", ")} (all)
  --records N         records of the rows executors and size, at most (2000000)
  --partitions a,b    (1,10,100,500,2000)
  --sizes a,b         bytes of a value, from 1 to 1000000 (10,100,1000,10000,100000,1000000)
  --keys a,b          keys of a state (1000,10000,100000,1000000,5000000)
  --backlog N         ten-byte records to work off at constant memory (5000000)
  --repetitions N     processes of each figure of the rows executors and size (3)
`;

const progress = (line: string) => void process.stderr.write(`${line}\n`);

function readOptions(): (Omit<ScaleOptions, "bootstrap" | "onProgress"> & { rows: readonly ScaleRow[] }) | undefined {
  const { values } = parseArgs({
    options: {
      rows: { type: "string", default: rowNames.join() },
      records: { type: "string", default: "2000000" },
      partitions: { type: "string", default: "1,10,100,500,2000" },
      sizes: { type: "string", default: "10,100,1000,10000,100000,1000000" },
      keys: { type: "string", default: "1000,10000,100000,1000000,5000000" },
      backlog: { type: "string", default: "5000000" },
      repetitions: { type: "string", default: "3" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  const counts = (option: "partitions" | "sizes" | "keys") =>
    values[option].split(",").map((text) => countOf(option, text));
  return {
    rows: listOf("rows", values.rows, rowNames),
    records: countOf("records", values.records),
    partitions: counts("partitions"),
    sizes: counts("sizes"),
    keys: counts("keys"),
    backlog: countOf("backlog", values.backlog),
    repetitions: countOf("repetitions", values.repetitions),
  };
}

async function bench({ rows, ...options }: NonNullable<ReturnType<typeof readOptions>>): Promise<void> {
  progress("building the package ...");
  execFileSync(process.execPath, [join(import.meta.dirname, "../../dev/build.ts")], { stdio: "inherit" });
  await using kafka = await useKafka({ fast: "run" });
  const about = await machineAndVersions();
  for (const row of rows) {
    progress(`${row} ...`);
    const results = scaleRows[row]({ ...options, bootstrap: kafka.bootstrap, onProgress: progress });
    for await (const result of results) process.stdout.write(`${JSON.stringify({ ...result, ...about })}\n`);
  }
}

try {
  const options = readOptions();
  if (options === undefined) process.stdout.write(usage);
  else await bench(options);
} catch (error) {
  progress(`${(error as Error).message}\n\n${usage}`);
  process.exit(2);
}
