import { MillraceError } from "../model/errors.ts";

/** `counts[i]` numbers are from `edges[i]` up to `edges[i + 1]`. */
export interface Histogram {
  readonly edges: readonly number[];
  readonly counts: readonly number[];
}

const BUCKETS_MAX = 1_000_000;

/** Edges of so many buckets of equal width; one bucket when all numbers are the same. @throws BAD_OPTION, EMPTY_RDD */
export function evenEdges(buckets: number, { count, min, max }: { count: number; min: number; max: number }): number[] {
  if (!Number.isInteger(buckets) || buckets < 1 || buckets > BUCKETS_MAX) {
    throw badBuckets(`a whole number from 1 to ${BUCKETS_MAX}, or a list of edges; it got ${buckets}`);
  }
  if (count === 0) throw emptyRdd("histogram");
  if (!Number.isFinite((max - min) * buckets))
    throw badBuckets(`a list of edges when there are numbers like ${min} and ${max}`);
  if (min === max) return [min, max];
  // Multiplied before it is divided: of 1 to 2 in ten the edges are 1.1, 1.2 ... 1.7, not 1.7000000000000002.
  return [...Array.from({ length: buckets }, (_, i) => min + (i * (max - min)) / buckets), max];
}

/** @throws BAD_OPTION */
export function checkedEdges(edges: readonly number[]): readonly number[] {
  const rise =
    Array.isArray(edges) && edges.every((edge, i) => typeof edge === "number" && (i === 0 || edge > edges[i - 1]!));
  if (rise && edges.length >= 2 && edges.length <= BUCKETS_MAX) return edges;
  throw badBuckets("at least two edges, each larger than the one before");
}

function badBuckets(wanted: string): MillraceError {
  return new MillraceError("BAD_OPTION", `histogram takes ${wanted}.`, {
    hint: "For example histogram(10), or histogram([0, 10, 100]).",
  });
}

export function emptyRdd(method: string): MillraceError {
  return new MillraceError("EMPTY_RDD", `${method}() was asked of an RDD without values.`, {
    hint: "Ask isEmpty() before, or use take(1).",
  });
}
