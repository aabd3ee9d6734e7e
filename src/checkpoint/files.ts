import * as nodeFiles from "node:fs/promises";

/** An open file or directory. */
export interface OpenFile {
  write(bytes: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesWritten: number }>;
  read(bytes: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
  truncate(length: number): Promise<void>;
  sync(): Promise<void>;
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/** What a store asks of a file system. A test gives one that loses what was not synced. */
export interface Files {
  mkdir(path: string): Promise<unknown>;
  open(path: string, flags: "r" | "r+" | "wx"): Promise<OpenFile>;
  readFile(path: string): Promise<Uint8Array>;
  readdir(path: string): Promise<string[]>;
  rm(path: string, options: { readonly force: true }): Promise<void>;
}

export const REAL_FILES: Files = nodeFiles;
