import { assert } from "../model/errors.ts";
import type { TaskContext } from "../model/plan.ts";
import { type Partition, partitionOf } from "./partition.ts";
import { type AsyncOperator, failureOf } from "./receiver.ts";

/** Results are handed on in groups: one await a record would cost more than most functions do. */
const RESULTS_PER_CHUNK = 512;

export const mapPartitions = <T, U>(
  f: (partition: Partition<T>, task: TaskContext) => AsyncIterable<U>,
): AsyncOperator<T, U> => ({
  async *run(input, name, task) {
    let results: U[] = [];
    const iterator = guard(name, () => iteratorOf(f(partitionOf(input), task)));
    try {
      while (true) {
        const step = await iterator.next().catch((error) => {
          throw failureOf(name, error);
        });
        if (step.done) break;
        results.push(step.value);
        if (results.length === RESULTS_PER_CHUNK) {
          yield results;
          results = [];
        }
      }
      if (results.length > 0) yield results;
    } finally {
      await iterator.return?.();
    }
  },
});

function iteratorOf<U>(results: AsyncIterable<U>): AsyncIterator<U> {
  if (typeof results?.[Symbol.asyncIterator] === "function") return results[Symbol.asyncIterator]();
  const given = results === null ? "null" : typeof results;
  throw new TypeError(`its function returned ${given}, not an async iterable; write it as async function* (partition)`);
}

function guard<R>(name: string, f: () => R): R {
  try {
    return f();
  } catch (error) {
    throw failureOf(name, error);
  }
}

/** `map` for async functions: at most `concurrency` at a time, results in the order of the input. */
export const mapAsync = <T, U>(
  f: (value: T, task: TaskContext) => Promise<U>,
  { concurrency }: { concurrency: number },
): AsyncOperator<T, U> => ({
  async *run(input, name, task) {
    const running: Promise<U>[] = [];
    const ended = new AbortController();
    const own = { ...task, signal: AbortSignal.any([task.signal, ended.signal]) };
    const start = async (value: T) => {
      try {
        return await f(value, own);
      } catch (error) {
        throw failureOf(name, error, value);
      }
    };
    let results: U[] = [];
    try {
      for await (const chunk of input) {
        for (const value of chunk) {
          const result = start(value);
          // Awaited in order below; a later one that fails first must not count as unhandled meanwhile.
          result.catch(() => {});
          running.push(result);
          if (running.length >= concurrency) results.push(await next(running));
          if (results.length >= RESULTS_PER_CHUNK) {
            yield results;
            results = [];
          }
        }
        if (results.length > 0) yield results;
        results = [];
      }
      while (running.length > 0) results.push(await next(running));
      if (results.length > 0) yield results;
    } finally {
      if (running.length > 0) {
        // Nothing of a task outlives it: its next try must not run beside what is left of this one.
        ended.abort();
        await Promise.allSettled(running);
      }
    }
  },
});

function next<U>(running: Promise<U>[]): Promise<U> {
  const first = running.shift();
  assert(first !== undefined, "mapAsync waits for a result that nobody computes");
  return first;
}
