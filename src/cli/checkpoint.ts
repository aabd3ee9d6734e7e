import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { AbandonedOutput } from "../checkpoint/entry.ts";
import { inspectCheckpoint, type SegmentReport } from "../checkpoint/inspect.ts";
import { storeAt } from "../checkpoint/open-store.ts";
import { type LastBatches, lastBatch, rangesOf, rangesText } from "../checkpoint/partition-ranges.ts";
import type { CheckpointStore } from "../checkpoint/store.ts";
import type { World } from "../checkpoint/world.ts";
import { countText } from "../model/count-text.ts";
import { MillraceError } from "../model/errors.ts";
import { isPostgresUrl } from "../model/options.ts";
import { parseOptions } from "./arguments.ts";
import { plainJson, readStates, textOfState } from "./state-report.ts";

const USAGE = "`millrace checkpoint --help` tells how.";

const HELP = `millrace checkpoint show|verify <directory> [options]

  show      where the streams stand: the last complete batch, the offsets, the states, what is pending
  verify    read all of it and say what is wrong

  <directory>    the checkpointDirectory of a job; also postgres://host/database#name
  --state        show prints all keys and values of the states too
  --json         as JSON

Both only read, also while a driver writes. The exit code is 1 when something is wrong, or there is no checkpoint.
`;

/** `millrace checkpoint show|verify <directory or postgres: URL> [--json] [--state]`: reads only, also while a driver writes. @returns the exit code. */
export async function checkpoint(args: readonly string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(HELP);
    return 0;
  }
  const options = { json: { type: "boolean" }, state: { type: "boolean" } } as const;
  const { values, positionals } = parseOptions(args, options, USAGE);
  const [command, directory, ...rest] = positionals;
  if ((command !== "show" && command !== "verify") || directory === undefined || rest.length > 0) {
    throw new MillraceError(
      "BAD_OPTION",
      "The checkpoint command takes show or verify, and a directory or the URL of a database.",
      { hint: USAGE },
    );
  }
  const place = isPostgresUrl(directory) ? directory : resolve(directory);
  if (!isPostgresUrl(directory) && !existsSync(place)) {
    throw new MillraceError("BAD_OPTION", `There is no directory ${place}.`, {
      hint: "Name what is the checkpointDirectory of a job.",
    });
  }
  const store = await storeAt(place);
  try {
    return await report(command, store, values);
  } finally {
    await store.close();
  }
}

async function report(
  command: "show" | "verify",
  store: CheckpointStore,
  { json, state }: { json?: boolean; state?: boolean },
): Promise<number> {
  const segments = await inspectCheckpoint(store);
  const print = (value: unknown, text: string) =>
    process.stdout.write(`${json ? JSON.stringify(value, plainJson, 2) : text}\n`);
  const damaged = segments.filter(({ damage }) => damage !== undefined);
  if (command === "verify") {
    print(
      segments.map(({ world: _, ...segment }) => segment),
      segments.map(lineOf).join("\n") || "There is no checkpoint.",
    );
    return damaged.length > 0 || segments.length === 0 ? 1 : 0;
  }
  const present = segments.findLast(({ world }) => world !== undefined);
  // What is damaged says nothing, and what it would have said is newer than all that is shown.
  const newer = damaged.filter(({ epoch }) => epoch > (present?.epoch ?? 0));
  for (const { damage } of newer) process.stderr.write(`${damage}\n`);
  if (present?.world === undefined) {
    print(null, newer.length > 0 ? "The checkpoint cannot be read." : "There is no checkpoint.");
    return 1;
  }
  if (newer.length > 0) process.stderr.write(`  This is how things stood before, under epoch ${present.epoch}:\n`);
  const states = state ? await readStates(store, present.world) : [];
  print(state ? { ...present, states } : present, [textOf(present), ...states.map(textOfState)].join("\n"));
  return newer.length > 0 ? 1 : 0;
}

/** All of them are in the JSON. */
const ABANDONED_SHOWN = 10;

function lineOf({ name, entries, length, tornBytes, damage }: SegmentReport): string {
  const tail = tornBytes > 0 ? `, and ${countText(tornBytes, "byte")} of one that was not finished` : "";
  // What is damaged is named by its place.
  return damage ?? `${name}: ${countText(entries, "entry", "entries")} in ${countText(length, "byte")}${tail}`;
}

function textOf({ appName, epoch, world }: SegmentReport): string {
  if (world === undefined) return "";
  const { seq, batchTime, positions, pending, states, written, abandoned } = world;
  const last =
    batchTime === null
      ? "no batch is complete"
      : `batch ${seq} of ${new Date(batchTime).toISOString()} is the last complete one`;
  const lines = [`${appName}, epoch ${epoch}: ${last}`];
  for (const [source, partitions] of Object.entries(positions ?? {})) {
    lines.push(`  ${source}`, ...partitions.map((p) => `    ${p.topic}-${p.partition} goes on at ${p.offset}`));
  }
  for (const [name, partitions] of Object.entries(states)) {
    const bytes = partitions.flat().reduce((sum, { length }) => sum + length, 0);
    lines.push(`  state ${name}: ${countText(partitions.length, "partition")}, ${countText(bytes, "byte")}`);
  }
  for (const [output, last] of Object.entries(written)) lines.push(`  output ${output}: ${lastBatchesText(last)}`);
  if (abandoned.count > 0)
    lines.push(`  ${countText(abandoned.count, "batch was", "batches were")} left out; the last:`);
  for (const batch of abandoned.last.slice(-ABANDONED_SHOWN)) lines.push(...linesOfAbandoned(batch));
  if (pending) lines.push(`  batch ${pending.plan.seq} is pending: it runs first, as it was planned`);
  return lines.join("\n");
}

/** What a sink holds at least. */
function lastBatchesText(last: LastBatches): string {
  if (lastBatch(last) === 0) return "its sink has nothing";
  if (typeof last === "number") return `its sink has batch ${last}`;
  const parts = last.map(([from, until, seq]) => `batch ${seq} in partitions ${rangesText([[from, until]])}`);
  return `its sink has ${parts.join(", ")}`;
}

function linesOfAbandoned({ seq, code, slices, outputs, replayedAs }: World["abandoned"]["last"][number]): string[] {
  const ranges = Object.values(slices)
    .flat()
    .map((s) => `${s.topic}-${s.partition} [${s.fromOffset} -> ${s.untilOffset}]`);
  const line = `    batch ${seq}, ${code}: ${ranges.join(", ")}`;
  if (replayedAs !== undefined) return [line, `      was replayed as batch ${replayedAs}`];
  return [line, ...outputs.map((output) => `      ${output.name}: ${stateOf(output)}`)];
}

function stateOf({ done, written, numPartitions }: AbandonedOutput): string {
  if (done) return "done";
  if (written === undefined)
    return numPartitions === undefined ? "not done" : "not done; what its sink has is not known";
  if (written.length === 0) return "not done; its sink has nothing of it";
  return `its sink has ${written.length} of ${numPartitions} partitions: ${rangesText(rangesOf(written))}`;
}
