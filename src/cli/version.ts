import { readFileSync } from "node:fs";

/** Of the package; it lies two folders above, as source and as it is published. */
export function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return version;
}
