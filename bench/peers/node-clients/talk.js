import { createHash } from "node:crypto";
import { createInterface } from "node:readline";

/** A Node program's side of the talk with the harness: see bench/peers/peer.ts. */

export function ready() {
  console.log(JSON.stringify({ type: "ready" }));
}

/** The topic to write to, or an empty line, for each pass. */
export function passes() {
  return createInterface(process.stdin);
}

export function answer(digest, batchSeconds) {
  console.log(JSON.stringify({ type: "pass", batchSeconds, digest }));
}

/** The same for equal results, whatever the order of the keys. */
export function digestOf(entries) {
  const lines = Array.from(entries, ([key, value]) => `${key} ${value}\n`).sort();
  return createHash("sha256").update(lines.join("")).digest("hex");
}
