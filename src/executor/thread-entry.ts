import { parentPort } from "node:worker_threads";
import { buildGraph } from "../job/build-graph.ts";
import { loadJob } from "../job/load-job.ts";
import { toPlainError } from "../model/error-transfer.ts";
import { assert } from "../model/errors.ts";
import { threadData } from "./identity.ts";
import type { FromExecutor, Task, ToExecutor } from "./protocol.ts";
import { TaskRunner } from "./task-runner.ts";

/** An executor's thread: imports the job's module, builds the graph, then runs tasks until it is told to stop. */

const port = parentPort;
assert(port !== null && threadData !== undefined, "the thread entry runs in an executor's thread only");
const { module, params } = threadData;
const send = (message: FromExecutor, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

start().catch((error) => send({ type: "notReady", error: toPlainError(error) }));

async function start(): Promise<void> {
  const { graph } = buildGraph(await loadJob(module), params);
  const runner = new TaskRunner(graph);
  const running = new Map<number, AbortController>();

  port!.on("message", (message: ToExecutor) => {
    switch (message.type) {
      case "begin":
        runner.begin(message.plan);
        break;
      case "end":
        runner.end(message.seq);
        break;
      case "task":
        void runTask(message.id, message.task);
        break;
      case "cancel":
        running.get(message.id)?.abort();
        break;
      case "stop":
        void stop(runner);
        break;
    }
  });
  send({ type: "ready", fingerprint: graph.fingerprint() });

  async function runTask(id: number, task: Task): Promise<void> {
    const controller = new AbortController();
    running.set(id, controller);
    try {
      const result = await runner.run(task, controller.signal);
      const buffers = result.results
        .filter((r): r is Uint8Array<ArrayBuffer> => r instanceof Uint8Array)
        .map(({ buffer }) => buffer);
      send({ type: "done", id, result }, buffers);
    } catch (error) {
      send({ type: "failed", id, error: toPlainError(error) });
    } finally {
      running.delete(id);
    }
  }
}

async function stop(runner: TaskRunner): Promise<void> {
  try {
    await runner.close();
    send({ type: "stopped", error: undefined });
  } catch (error) {
    send({ type: "stopped", error: toPlainError(error) });
  }
  port!.close();
}
