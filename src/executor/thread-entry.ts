import { setImmediate as nextTurn } from "node:timers/promises";
import { parentPort } from "node:worker_threads";
import { buildGraph } from "../job/build-graph.ts";
import { refuseOtherCode } from "../job/code-hash.ts";
import { loadJob } from "../job/load-job.ts";
import { toPlainError } from "../model/error-transfer.ts";
import { assert } from "../model/errors.ts";
import { threadData } from "./identity.ts";
import type { FromExecutor, StateAdvance, Task, TaskResult, ToExecutor } from "./protocol.ts";
import { TaskRunner } from "./task-runner.ts";

/** An executor's thread: imports the job's module, builds the graph, then runs tasks until it is told to stop. */

const port = parentPort;
assert(port !== null && threadData !== undefined, "the thread entry runs in an executor's thread only");
const { module, code, params, brokers } = threadData;
const send = (message: FromExecutor, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

process.on("uncaughtExceptionMonitor", (error) => send({ type: "dying", error: toPlainError(error) }));
start().catch((error) => send({ type: "notReady", error: toPlainError(error) }));

async function start(): Promise<void> {
  refuseOtherCode(module, code);
  const { graph } = buildGraph(await loadJob(module), params, { brokers });
  // A promise that the module dropped and that has failed by now ends this thread here, before it counts as ready.
  await nextTurn();
  const runner = new TaskRunner(graph);
  const running = new Map<number, { readonly controller: AbortController; readonly ended: Promise<void> }>();

  port!.on("message", (message: ToExecutor) => {
    switch (message.type) {
      case "begin":
        runner.begin(message.run, message.plan, message.broadcasts);
        break;
      case "end":
        runner.end(message.run);
        break;
      case "task": {
        const controller = new AbortController();
        running.set(message.id, { controller, ended: runTask(message.id, message.task, controller.signal) });
        break;
      }
      case "cancel":
        running.get(message.id)?.controller.abort();
        break;
      case "stop":
        void stop();
        break;
    }
  });
  send({ type: "ready", fingerprint: graph.fingerprint() });

  async function runTask(id: number, task: Task, signal: AbortSignal): Promise<void> {
    try {
      const result = await runner.run(task, signal);
      send({ type: "done", id, result }, buffersOf(result));
    } catch (error) {
      send({ type: "failed", id, error: toPlainError(error) });
    } finally {
      running.delete(id);
    }
  }

  /** What goes over to the driver instead of being copied: encoded values, and what was written of a state. */
  function buffersOf({ results }: TaskResult): ArrayBuffer[] {
    return results.flatMap((result) => {
      const written = Array.isArray(result) ? result : [(result as Partial<StateAdvance> | undefined)?.written];
      return written.flatMap((bytes) => (bytes instanceof Uint8Array ? [bytes.buffer as ArrayBuffer] : []));
    });
  }

  async function stop(): Promise<void> {
    try {
      // What is still here was cancelled: it may need its resources to end.
      await Promise.all([...running.values()].map(({ ended }) => ended));
      await runner.close();
      send({ type: "stopped", error: undefined });
    } catch (error) {
      send({ type: "stopped", error: toPlainError(error) });
    }
    port!.close();
  }
}
