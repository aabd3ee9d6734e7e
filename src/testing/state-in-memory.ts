import type { Entry } from "../checkpoint/entry.ts";
import { decodeSegment } from "../checkpoint/framing.ts";
import type { MemoryDisk } from "../checkpoint/memory-disk.ts";
import { after, NEW_WORLD, type World } from "../checkpoint/world.ts";
import type { Graph } from "../graph/graph.ts";
import { MillraceError } from "../model/errors.ts";
import { decodeAnyState } from "../state/state-codec.ts";

/** Those of mapWithState and updateStateByKey. Windowed aggregates keep panes, which are nobody's business. */
const KINDS = new Set(["mapWithState", "updateStateByKey"]);

/** A state as the last completed batch has left it. @throws BAD_OPTION */
export function stateInMemory(name: string, { nodes }: Graph, disk: MemoryDisk): Map<unknown, unknown> {
  const names = nodes.flatMap((node) =>
    node.kind === "state" && KINDS.has(node.program.kind) ? [`"${node.stateName}"`] : [],
  );
  if (!names.includes(`"${name}"`)) {
    throw new MillraceError("BAD_OPTION", `The job has no state with the name "${name}".`, {
      hint: `${names.length === 0 ? "It has none" : `It has ${names.join(", ")}`}. States are those of mapWithState and updateStateByKey.`,
    });
  }
  const entries = (worldOf(disk).states[name] ?? []).flatMap((parts) => {
    const written = parts.map(({ segment, position, length }) =>
      disk.segments.get(segment)!.subarray(position, position + length),
    );
    return decodeAnyState(written).entries();
  });
  return new Map(entries.map(({ key, value }) => [key, value]));
}

/** How the newest driver that has begun left the world. */
function worldOf({ segments }: MemoryDisk): World {
  const logs = [...segments.keys()].filter((segment) => segment.startsWith("epoch-")).sort();
  for (const log of logs.reverse()) {
    const { entries } = decodeSegment<Entry>(segments.get(log)!, `memory/${log}`);
    if (entries.length > 0) return entries.reduce(after, NEW_WORLD);
  }
  return NEW_WORLD;
}
