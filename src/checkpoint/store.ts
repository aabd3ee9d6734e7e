/**
 * Where a checkpoint's segments lie. Small on purpose: whoever keeps these five promises can hold a checkpoint. The suite in
 * test/checkpoint/store-contract.ts holds an implementation to them.
 */
export interface CheckpointStore {
  /** Creates an empty segment, durably. False when there is one of that name: of two that try, exactly one gets true. */
  create(name: string): Promise<boolean>;
  /**
   * Writes `bytes` at `position`, where the segment ends; durable when it resolves. After a failure the segment ends at `position`
   * again, or the store refuses all further appends.
   */
  append(name: string, position: number, bytes: Uint8Array): Promise<void>;
  /** All of a segment, or `length` bytes of it from `position` on: fewer when it ends before. @throws when there is no such segment. */
  read(name: string, part?: { readonly position: number; readonly length: number }): Promise<Uint8Array>;
  /** The names of all segments, in any order. Sees every `create` that has resolved, by whomever. */
  list(): Promise<string[]>;
  delete(name: string): Promise<void>;
  /** For messages: where it is. */
  readonly place: string;
  close(): Promise<void>;
}
