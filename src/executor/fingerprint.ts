import { MillraceError } from "../model/errors.ts";

/** @throws GRAPH_DIFFERS naming the first line that differs. */
export function compareFingerprints(driver: readonly string[], executor: readonly string[], executorId: number): void {
  const length = Math.max(driver.length, executor.length);
  for (let i = 0; i < length; i++) {
    if (driver[i] === executor[i]) continue;
    throw new MillraceError(
      "GRAPH_DIFFERS",
      `Executor ${executorId} built another graph than the driver. The first difference: the driver has ${line(driver[i])}, the executor ${line(executor[i])}.`,
      {
        hint: "The build function must do the same everywhere: decide by params, not by process.argv, the environment, the clock, random numbers or executorId.",
      },
    );
  }
}

const line = (text: string | undefined) => (text === undefined ? "nothing more" : `"${text}"`);
