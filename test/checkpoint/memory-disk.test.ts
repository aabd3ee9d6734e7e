import { MemoryDisk } from "./memory-store.ts";
import { storeContract } from "./store-contract.ts";

let disk = new MemoryDisk();
storeContract(
  "memory",
  async () => {
    disk = new MemoryDisk();
    return disk.store();
  },
  async () => disk.store(),
);
