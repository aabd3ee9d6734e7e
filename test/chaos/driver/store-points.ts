import type { Entry } from "../../../src/checkpoint/entry.ts";
import { decodeSegment } from "../../../src/checkpoint/framing.ts";
import type { CheckpointStore } from "../../../src/checkpoint/store.ts";
import type { Striker } from "./striker.ts";

/** A checkpoint's store with a named point before and after each of its durable steps. */
export function withStorePoints(store: CheckpointStore, striker: Striker): CheckpointStore {
  /** Of the entry that was appended last, until the store was asked for a newer driver. */
  let unseen: string | undefined;
  return {
    place: store.place,
    async create(name) {
      const created = await store.create(name);
      striker.reach(isState(name) ? "state created" : "epoch created");
      return created;
    },
    async append(name, position, bytes) {
      const what = isState(name) ? "state" : decodeSegment<Entry>(bytes, name).entries[0]!.type;
      striker.reach(`before ${what}`);
      await store.append(name, position, bytes);
      if (!isState(name)) unseen = what;
      striker.reach(`${what} appended`);
    },
    async list() {
      const names = await store.list();
      if (unseen !== undefined) striker.reach(`${unseen} looked up`);
      unseen = undefined;
      return names;
    },
    read: (name, part) => store.read(name, part),
    delete: (name) => store.delete(name),
    close: () => store.close(),
  };
}

/** States are kept apart from the log that says which of them count. */
const isState = (segment: string) => segment.startsWith("state-");
