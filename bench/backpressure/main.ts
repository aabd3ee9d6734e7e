/** Draws docs/backpressure.svg anew. */
import { writeFileSync } from "node:fs";
import { plot } from "./plot.ts";

writeFileSync(new URL("../../docs/backpressure.svg", import.meta.url), await plot());
