import type { CheckpointStore } from "./store.ts";

/** Segments in memory, for drivers that follow each other in one process. */
export class MemoryDisk {
  readonly segments = new Map<string, Buffer>();

  store(): CheckpointStore {
    const { segments } = this;
    const segment = (name: string) => {
      const bytes = segments.get(name);
      if (bytes === undefined) throw new Error(`no segment ${name}`);
      return bytes;
    };
    return {
      place: "memory",
      async create(name) {
        if (segments.has(name)) return false;
        segments.set(name, Buffer.alloc(0));
        return true;
      },
      async append(name, position, bytes) {
        segments.set(name, Buffer.concat([segment(name).subarray(0, position), bytes]));
      },
      async read(name, part) {
        const bytes = segment(name);
        return part === undefined ? bytes : bytes.subarray(part.position, part.position + part.length);
      },
      list: async () => [...segments.keys()],
      async delete(name) {
        segments.delete(name);
      },
      async close() {},
    };
  }
}
