import { createHash } from "node:crypto";

/** Twelve digits that tell apart what these texts name, where there is no room for the texts. */
export const shortHash = (...parts: readonly string[]): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 12);
