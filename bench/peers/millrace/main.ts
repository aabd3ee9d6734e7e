import { createInterface } from "node:readline";
import type { PeerAnswer, PeerHeat } from "../peer.ts";
import { runOneBatch } from "./one-batch.ts";
import { runStream } from "./stream.ts";

/** millrace's side of the talk with the harness. */

const heat = JSON.parse(process.argv[2]!) as PeerHeat;
const passes = createInterface(process.stdin)[Symbol.asyncIterator]();
const answer = (line: PeerAnswer) => void process.stdout.write(`${JSON.stringify(line)}\n`);
if (heat.batches === 1) await runOneBatch(heat, passes, answer);
else await runStream(heat, passes, answer);
