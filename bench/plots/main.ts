import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { draw } from "./bars.ts";
import { withResults } from "./document.ts";
import { figuresOf } from "./figures.ts";
import { readResults } from "./results.ts";

/** `npm run bench:plots`: the pictures in docs/plots and the tables in docs/performance.md, from bench/results.jsonl. */

const docs = join(import.meta.dirname, "../../docs");
const results = readResults(process.argv[2] ?? join(import.meta.dirname, "../results.jsonl"));
mkdirSync(join(docs, "plots"), { recursive: true });
for (const [name, figure] of figuresOf(results)) writeFileSync(join(docs, "plots", `${name}.svg`), draw(figure));
const performance = join(docs, "performance.md");
writeFileSync(performance, withResults(readFileSync(performance, "utf8"), results));
