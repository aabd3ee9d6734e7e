import { MemoryDisk as PlainDisk } from "../../src/checkpoint/memory-disk.ts";
import type { CheckpointStore } from "../../src/checkpoint/store.ts";

/** A disk that tests share between drivers, and can make fail or wait at each step. */
export class MemoryDisk extends PlainDisk {
  /** Called before each step of any store; what it throws or awaits happens to that step. */
  before: (step: "create" | "append" | "list" | "read", store: CheckpointStore) => void | Promise<void> = () => {};

  override store(): CheckpointStore {
    const plain = super.store();
    const store: CheckpointStore = {
      ...plain,
      create: async (name) => {
        await this.before("create", store);
        return plain.create(name);
      },
      append: async (name, position, bytes) => {
        await this.before("append", store);
        await plain.append(name, position, bytes);
      },
      read: async (name, part) => {
        await this.before("read", store);
        return plain.read(name, part);
      },
      list: async () => {
        await this.before("list", store);
        return plain.list();
      },
    };
    return store;
  }
}
