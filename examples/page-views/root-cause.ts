/** What the broker or the network said: the client wraps it in a layer for each retry, topic and request. */
export function rootOf(error: unknown): string {
  const { message, cause, errors = [] } = error as Error & { errors?: readonly unknown[] };
  const inner = errors.at(-1) ?? cause;
  return inner === undefined ? message : rootOf(inner);
}
