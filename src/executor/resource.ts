import { messageOf } from "../model/error-transfer.ts";
import { checkArgument, isFunction } from "../model/options.ts";

/** Things that each thread opens on first use. */

interface OpenResource {
  close(): Promise<void>;
}

const opened: OpenResource[] = [];

/**
 * A connection, model or cache that each thread opens on first use and closes when it stops. Put it at module level instead of
 * opening things while the module loads, which would happen on the driver and on every executor.
 * `const db = resource(() => new Pool(), (pool) => pool.end())`, then `(await db()).query(...)`. When opening fails, the next use
 * tries again.
 */
export function resource<T>(open: () => T | Promise<T>, close?: (value: T) => void | Promise<void>): () => Promise<T> {
  const example = "For example resource(() => new Pool(), (pool) => pool.end()).";
  checkArgument("resource", "what opens it", open, isFunction, example);
  if (close !== undefined) checkArgument("resource", "what closes it", close, isFunction, example);
  let value: Promise<T> | undefined;
  return () => {
    value ??= openOnce();
    return value;
  };

  function openOnce(): Promise<T> {
    const opening = (async () => open())();
    const entry: OpenResource = {
      close: async () => {
        value = undefined;
        const open = await opening.then(
          (value) => ({ value }),
          () => undefined, // told to who asked for it
        );
        if (open) await close?.(open.value);
      },
    };
    opened.push(entry);
    opening.catch(() => {
      if (value === opening) value = undefined;
      const index = opened.indexOf(entry);
      if (index >= 0) opened.splice(index, 1);
    });
    return opening;
  }
}

/** Closes what this thread has opened, the last opened first. @throws what failed to close, when all have been tried. */
export async function closeResources(): Promise<void> {
  const failures: unknown[] = [];
  for (const { close } of opened.splice(0).reverse()) await close().catch((error) => failures.push(error));
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) throw new AggregateError(failures, failures.map(messageOf).join("; "));
}
