import { join } from "node:path";
import { codecNames } from "../data/record-batch.ts";
import { type Peer, peerWorkloadNames } from "./peer.ts";

/** Ourselves, as the package is published: the result that every other must equal. */
export const millrace: Peer = {
  name: "millrace",
  workloads: peerWorkloadNames,
  codecs: codecNames,
  prepare: async () => ({
    versions: {},
    command: (heat) => ({
      file: process.execPath,
      args: [join(import.meta.dirname, "millrace", "main.ts"), JSON.stringify(heat)],
    }),
  }),
};
