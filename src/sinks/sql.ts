/** Pieces of SQL that the table sinks have in common. */

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** What follows the values of an insert: nothing, or an update of the row that has the same key. */
export function conflictClause(columns: readonly string[], upsertBy: readonly string[] | undefined): string {
  if (upsertBy === undefined) return "";
  const updated = columns.filter((column) => !upsertBy.includes(column));
  const assignments = updated.map((column) => `${quoted(column)} = excluded.${quoted(column)}`).join(", ");
  const action = updated.length === 0 ? "do nothing" : `do update set ${assignments}`;
  return ` on conflict (${upsertBy.map(quoted).join(", ")}) ${action}`;
}
