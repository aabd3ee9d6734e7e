#!/usr/bin/env node
import { keepCompiledCode } from "./compile-cache.ts";
import { refuseOldNode } from "./node-version.ts";

/** What comes before all else that is loaded. It imports nothing that others import too: the package has all of that in one file. */

const refusal = refuseOldNode(process.versions.node);
if (refusal !== undefined) {
  process.stderr.write(`${refusal}\n`);
  process.exit(2);
}
keepCompiledCode();
await import("./commands.ts");
