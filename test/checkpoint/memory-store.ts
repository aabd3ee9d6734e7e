import type { CheckpointStore } from "../../src/checkpoint/store.ts";

/** A disk that tests share between drivers, and can make fail or wait at each step. */
export class MemoryDisk {
  readonly segments = new Map<string, Buffer>();
  /** Called before each step of any store; what it throws or awaits happens to that step. */
  before: (step: "create" | "append" | "list" | "read", store: CheckpointStore) => void | Promise<void> = () => {};

  store(): CheckpointStore {
    const disk = this;
    return {
      place: "memory",
      async create(name) {
        await disk.before("create", this);
        if (disk.segments.has(name)) return false;
        disk.segments.set(name, Buffer.alloc(0));
        return true;
      },
      async append(name, position, bytes) {
        await disk.before("append", this);
        const segment = disk.segments.get(name);
        if (segment === undefined) throw new Error(`no segment ${name}`);
        disk.segments.set(name, Buffer.concat([segment.subarray(0, position), bytes]));
      },
      async read(name, part) {
        await disk.before("read", this);
        const segment = disk.segments.get(name);
        if (segment === undefined) throw new Error(`no segment ${name}`);
        return part === undefined ? segment : segment.subarray(part.position, part.position + part.length);
      },
      async list() {
        await disk.before("list", this);
        return [...disk.segments.keys()];
      },
      async delete(name) {
        disk.segments.delete(name);
      },
      async close() {},
    };
  }
}
