import { MillraceError } from "../model/errors.ts";
import type { Session } from "./postgres-database.ts";
import { conflictClause, quoted } from "./sql.ts";

/** Values as `pg` takes them: dates, Buffers, arrays, objects as JSON. */
export type Row = { readonly [column: string]: unknown };

/** Of the wire format. */
const PARAMETERS_MAX = 65_535;

/** Rows of one table, many to a statement. */
export class RowWriter {
  readonly #table: string;
  readonly #upsertBy: readonly string[] | undefined;
  /** Of the first row. */
  #columns: readonly string[] | undefined;

  constructor({ table, upsertBy }: { readonly table: string; readonly upsertBy?: readonly string[] | undefined }) {
    this.#table = table;
    this.#upsertBy = upsertBy;
  }

  async write(session: Session, rows: readonly Row[]): Promise<void> {
    if (rows[0] === undefined) return;
    this.#columns ??= Object.keys(rows[0]);
    const columns = this.#columns;
    for (const row of rows) this.#check(row, columns);
    const inserted = this.#upsertBy === undefined ? rows : onePerKey(rows, this.#upsertBy);
    const atOnce = Math.floor(PARAMETERS_MAX / columns.length);
    for (let from = 0; from < inserted.length; from += atOnce) {
      const some = inserted.slice(from, from + atOnce);
      const values = some.flatMap((row) => columns.map((column) => row[column]));
      await session.query(this.#statement(columns, some.length), values);
    }
  }

  #statement(columns: readonly string[], rows: number): string {
    const places = Array.from({ length: rows }, (_, row) => {
      const first = row * columns.length + 1;
      return `(${columns.map((_, column) => `$${first + column}`).join(", ")})`;
    });
    const table = this.#table.split(".").map(quoted).join(".");
    const names = columns.map(quoted).join(", ");
    return `insert into ${table} (${names}) values ${places.join(", ")}${conflictClause(columns, this.#upsertBy)}`;
  }

  #check(row: Row, columns: readonly string[]): void {
    const own = Object.keys(row);
    const missing = this.#upsertBy?.find((column) => !own.includes(column));
    if (own.length > 0 && own.length === columns.length && own.every((name) => columns.includes(name)) && !missing) {
      return;
    }
    throw new MillraceError("SINK_FAILED", `A row for table "${this.#table}" has the columns ${own.join(", ")}.`, {
      hint: `row() must give every value the same columns, at least one, and those of upsertBy. Before: ${columns.join(", ")}. Give null where there is nothing.`,
    });
  }
}

/**
 * A statement may touch a row once, so the last of each key stays. Sorted, so that transactions of two partitions lock rows in the same
 * order and do not wait for each other in a circle.
 */
function onePerKey(rows: readonly Row[], key: readonly string[]): Row[] {
  const byKey = new Map(rows.map((row) => [JSON.stringify(key.map((column) => keyText(row[column]))), row]));
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, row]) => row);
}

function keyText(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
