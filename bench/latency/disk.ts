import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { percentile } from "../statistics.ts";

const APPENDS = 300;
/** About what the checkpoint appends for a batch. */
const BYTES = 400;

/** What the disk itself takes to make a small append durable, in milliseconds: no exactly-once output can be faster. */
export function measureSync(folder: string): { p50: number; p99: number } {
  const place = mkdtempSync(join(folder, "sync-"));
  const file = openSync(join(place, "log"), "a");
  const entry = Buffer.alloc(BYTES, "x");
  const times = Array.from({ length: APPENDS }, () => {
    const started = performance.now();
    writeSync(file, entry);
    fdatasyncSync(file);
    return performance.now() - started;
  });
  closeSync(file);
  rmSync(place, { recursive: true });
  return { p50: percentile(times, 50), p99: percentile(times, 99) };
}
