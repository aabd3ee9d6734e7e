/** `npm run assemble`: what is written in WebAssembly's text format, as the binary that lies beside it. */
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import loadWabt from "wabt";

const root = join(import.meta.dirname, "..");
const { parseWat } = await loadWabt();

/** Paths from the root of the repository. */
export const texts = globSync("src/**/*.wat", { cwd: root });

export const binaryOf = (text: string) => text.replace(/\.wat$/, ".wasm");

export function assemble(text: string): Buffer {
  const module = parseWat(text, readFileSync(join(root, text), "utf8"), {
    simd: true,
    bulk_memory: true,
    multi_value: true,
  });
  try {
    module.validate();
    return Buffer.from(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}

if (import.meta.main) for (const text of texts) writeFileSync(join(root, binaryOf(text)), assemble(text));
