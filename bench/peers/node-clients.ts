import { copyFileSync, readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { filledOnce, runTool } from "./folder.ts";
import type { Peer } from "./peer.ts";

const here = join(import.meta.dirname, "node-clients");

/** A client for Node in one process, as its documentation shows it. It has no batches of a chosen size, and no windows. */
const nodeClient = (name: string, dependency: string, version: string): Peer => ({
  name,
  workloads: ["count", "words", "json", "state", "copy"],
  codecs: ["none"],
  async prepare(onProgress) {
    const folder = await filledOnce(`${name}-${version}`, async (folder) => {
      onProgress(`Fetching ${dependency} ${version} from npm (once) ...`);
      const manifest = { private: true, type: "module", dependencies: { [dependency]: version } };
      await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
      await runTool("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"], folder);
    });
    // Beside its dependency, where Node looks for it.
    for (const file of readdirSync(here)) copyFileSync(join(here, file), join(folder, file));
    return {
      versions: { [dependency]: version },
      command: ({ bootstrap, topic, workload, partitions, records }) => ({
        file: process.execPath,
        env: { NODE_NO_WARNINGS: "1" }, // kafkajs sets negative timeouts
        args: [join(folder, `${name}.js`), ...[bootstrap, topic, workload, partitions, records].map(String)],
      }),
    };
  },
});

export const kafkajs = nodeClient("kafkajs", "kafkajs", "2.2.4");
export const platformatic = nodeClient("platformatic", "@platformatic/kafka", "2.12.1");
