import { isPostgresUrl } from "../model/options.ts";
import { LocalDiskStore } from "./local-disk.ts";
import { PostgresStore } from "./postgres-store.ts";
import type { CheckpointStore } from "./store.ts";

/** The store of a checkpointDirectory: the path of a directory or the URL of a database; made when there is none. @throws CHECKPOINT_UNUSABLE */
export async function openStore(place: string): Promise<CheckpointStore> {
  return isPostgresUrl(place) ? PostgresStore.open(place) : LocalDiskStore.open(place);
}

/** The same for reading only: nothing is made. @throws CHECKPOINT_UNUSABLE */
export async function storeAt(place: string): Promise<CheckpointStore> {
  return isPostgresUrl(place) ? PostgresStore.at(place) : LocalDiskStore.at(place);
}
