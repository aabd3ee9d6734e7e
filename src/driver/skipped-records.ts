import type { Skip } from "../executor/skips.ts";
import type { Time } from "../model/duration.ts";
import { fromPlainError } from "../model/error-transfer.ts";
import type { MillraceError } from "../model/errors.ts";
import type { RecordsSkipped } from "../model/events.ts";

/**
 * What the tasks of one batch have left out. A batch may read a slice several times, once for each action, and each pass leaves out
 * the same records: what counts is the pass that has seen the most.
 */
export class SkippedRecords {
  readonly #bySource = new Map<string, Map<string, { readonly slice: number; readonly skip: Skip }>>();

  add(source: string, slice: number, skips: readonly Skip[]): void {
    if (skips.length === 0) return;
    const known = this.#bySource.get(source) ?? new Map();
    this.#bySource.set(source, known);
    for (const skip of skips) {
      const key = `${slice} ${skip.by}`;
      if (skip.count > (known.get(key)?.skip.count ?? 0)) known.set(key, { slice, skip });
    }
  }

  /** One event for each source and operator, in a fixed order. */
  events(batchTime: Time): RecordsSkipped[] {
    return [...this.#bySource].flatMap(([source, known]) => {
      const bySlice = [...known.values()].sort((a, b) => a.slice - b.slice);
      return [...Map.groupBy(bySlice, ({ skip }) => skip.by).values()].map((skips): RecordsSkipped => {
        const { operator, first } = skips[0]!.skip;
        const { error, ...place } = first;
        return {
          batchTime,
          source,
          operator,
          count: skips.reduce((sum, { skip }) => sum + skip.count, 0),
          first: { ...place, error: fromPlainError(error) as MillraceError },
        };
      });
    });
  }
}
