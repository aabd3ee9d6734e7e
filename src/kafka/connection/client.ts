/** Loading the client takes a third of a second and 50 MB a thread: only writers need it. */
let loaded: Promise<typeof import("@platformatic/kafka")> | undefined;

export function loadClient(): Promise<typeof import("@platformatic/kafka")> {
  loaded ??= import("@platformatic/kafka");
  return loaded;
}

/** The client rejects when any part of an answer has an error code; the rest of that answer is still good. */
export async function responseEvenWithErrors<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error && "response" in error && error.response) return error.response as T;
    throw error;
  }
}
