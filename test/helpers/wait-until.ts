import { setTimeout as sleep } from "node:timers/promises";

/** Asks again and again until the answer is yes; for what another process does in its own time. */
export async function waitUntil(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  options: { readonly limitMs?: number } = {},
): Promise<void> {
  const { limitMs = 60_000 } = options;
  const deadline = performance.now() + limitMs;
  let lastError: unknown;
  for (;;) {
    try {
      if (await isSo()) return;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadline) {
      throw new Error(
        `waited ${limitMs} ms in vain until ${what}`,
        lastError === undefined ? {} : { cause: lastError },
      );
    }
    await sleep(10);
  }
}
