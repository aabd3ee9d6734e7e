/** Loading the client takes a third of a second, so nobody waits for it before a broker is needed. */
let loaded: Promise<typeof import("@platformatic/kafka")> | undefined;

export function loadClient(): Promise<typeof import("@platformatic/kafka")> {
  loaded ??= import("@platformatic/kafka");
  return loaded;
}
