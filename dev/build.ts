/** `npm run build`: the published package in dist/, JavaScript and declarations, from src/. */
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, globSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");

rmSync(dist, { recursive: true, force: true });
try {
  execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"], {
    cwd: root,
    stdio: "inherit",
  });
} catch {
  process.exit(1); // tsc has said what is wrong
}

const assets = globSync("**/*.*", { cwd: join(root, "src") }).filter((file) => !file.endsWith(".ts"));
for (const asset of assets) {
  mkdirSync(dirname(join(dist, asset)), { recursive: true });
  copyFileSync(join(root, "src", asset), join(dist, asset));
}

const command = join(dist, "cli/main.js");
if (existsSync(command)) chmodSync(command, 0o755);
