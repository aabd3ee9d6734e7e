import type { Output } from "../graph/node.ts";
import { MillraceError } from "../model/errors.ts";

/** What the outputs with a name got, as their readers would see it. Outlives the drivers that write it. */
export class CapturedOutputs {
  readonly #last = new Map<string, { readonly seq: number; readonly values: readonly unknown[] }>();

  /** A sink of saveTo drops what it has already. The other outputs run again, and get what they get. */
  take({ name, kind }: Output, seq: number, values: readonly unknown[]): void {
    const before = this.#last.get(name);
    if (kind === "saveTo" && before !== undefined && before.seq >= seq) return;
    this.#last.set(name, { seq, values });
  }

  /** @throws BAD_OPTION */
  of(name: string, outputs: readonly Output[]): unknown[] {
    const names = outputs.filter(({ named }) => named).map((output) => `"${output.name}"`);
    if (!names.includes(`"${name}"`)) {
      throw new MillraceError("BAD_OPTION", `The job has no output with the name "${name}".`, {
        hint: `${names.length === 0 ? "None of its outputs has a name" : `It has ${names.join(", ")}`}. Give the one you mean a name: foreachRDD(f, { name: "${name}" }).`,
      });
    }
    return [...(this.#last.get(name)?.values ?? [])];
  }
}
