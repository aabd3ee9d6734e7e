/** Things that each thread opens on first use. */

interface OpenResource {
  readonly name: string;
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
  let value: Promise<T> | undefined;
  return () => {
    value ??= openOnce();
    return value;
  };

  async function openOnce(): Promise<T> {
    try {
      const resourceValue = await open();
      opened.push({
        name: open.name,
        close: async () => {
          value = undefined;
          await close?.(resourceValue);
        },
      });
      return resourceValue;
    } catch (error) {
      value = undefined;
      throw error;
    }
  }
}

/** Closes what this thread has opened, the last opened first. @throws AggregateError of what failed to close. */
export async function closeResources(): Promise<void> {
  const failures: unknown[] = [];
  for (const { close } of opened.splice(0).reverse()) await close().catch((error) => failures.push(error));
  if (failures.length > 0) throw new AggregateError(failures, "Some resources did not close.");
}
