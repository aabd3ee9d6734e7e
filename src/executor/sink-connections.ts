import type { Output } from "../graph/node.ts";
import type { Logger } from "../model/events.ts";
import type { OutputIdentity } from "../operators/sink.ts";

type SaveTo = Extract<Output, { kind: "saveTo" }>;

/** The connections of sinks on one side: each executor that writes has its own, and so has the driver. */
export class SinkConnections {
  readonly #open = new Map<SaveTo, Promise<unknown>>();
  readonly #warn: Logger["warn"] | undefined;

  constructor(warn?: Logger["warn"]) {
    this.#warn = warn;
  }

  /** Opened on first use; when that failed, tried again the next time. */
  open(output: SaveTo, { checkpointId, appName, output: name }: OutputIdentity): Promise<unknown> {
    let connection = this.#open.get(output);
    if (connection === undefined) {
      const told = this.#warn;
      const warn: typeof told =
        told && ((fields, message) => told({ output: name, ...fields }, `output ${name}: ${message}`));
      connection = output.sink.open({ checkpointId, appName, output: name }, warn);
      this.#open.set(output, connection);
      connection.catch(() => this.#open.delete(output));
    }
    return connection;
  }

  async close(): Promise<void> {
    const all = [...this.#open];
    this.#open.clear();
    await Promise.all(all.map(async ([{ sink }, connection]) => sink.close(await connection)));
  }
}
