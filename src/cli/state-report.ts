import { inspect } from "node:util";
import { StateLog } from "../checkpoint/state-log.ts";
import type { CheckpointStore } from "../checkpoint/store.ts";
import type { World } from "../checkpoint/world.ts";
import { decodeAnyState } from "../state/state-codec.ts";

export interface StateReport {
  /** Of the state. */
  readonly name: string;
  readonly partitions: number;
  readonly keys: number;
  readonly entries: readonly { readonly key: unknown; readonly value: unknown; readonly touchedAt: number }[];
}

/** Every state as the last completed batch has left it. @throws CHECKPOINT_CORRUPT */
export async function readStates(store: CheckpointStore, { states }: World): Promise<StateReport[]> {
  const log = new StateLog(store);
  const reports: StateReport[] = [];
  for (const [name, partitions] of Object.entries(states)) {
    const entries = [];
    for (const parts of partitions) {
      const written = await Promise.all(parts.map((part) => log.read(part)));
      for (const { key, value, touchedAt } of decodeAnyState(written).entries())
        entries.push({ key, value, touchedAt });
    }
    reports.push({ name, partitions: partitions.length, keys: entries.length, entries });
  }
  return reports;
}

export function textOfState({ name, partitions, keys, entries }: StateReport): string {
  const line = ({ key, value }: StateReport["entries"][number]) =>
    `    ${inspect(key)}: ${inspect(value, { depth: 10, breakLength: Infinity })}`;
  return [`  state ${name}: ${keys} keys in ${partitions} partitions`, ...entries.map(line)].join("\n");
}

/** What JSON has no form for, as what comes nearest. */
export function plainJson(_name: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Map || value instanceof Set) return [...value];
  return value;
}
