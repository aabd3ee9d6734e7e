import { createHash } from "node:crypto";

/** The next link of a key's chain: no other values, and no other order of them, lead to the same one. */
export const link = (before: string, value: string): string =>
  createHash("sha256").update(before).update(value).digest("hex").slice(0, 16);
