import { DatabaseSync } from "node:sqlite";

/** What a query gives, each row as the values of its columns. Reads only, also while a driver writes. */
export function rowsOf<Row extends readonly unknown[] = unknown[]>(path: string, query: string): Row[] {
  using database = new DatabaseSync(path, { readOnly: true });
  return database
    .prepare(query)
    .all()
    .map((row) => Object.values(row) as unknown as Row);
}
