import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { installKafka } from "./install.ts";
import { javaExecutable } from "./java.ts";
import { javaArguments } from "./server.ts";

export interface ToolOutput {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs one of Kafka's own tools and gives what it printed, such as
 * `runKafkaTool("org.apache.kafka.tools.ProducerPerformance", ["--topic", ...])`. Fails when the tool does.
 *
 * @param options.input What the tool reads from stdin.
 * @param options.env Its environment, in place of that of this process.
 */
export async function runKafkaTool(
  className: string,
  args: readonly string[],
  options: {
    readonly input?: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly signal?: AbortSignal;
  } = {},
): Promise<ToolOutput> {
  const kafka = await installKafka((line) => void process.stderr.write(`${line}\n`));
  const { signal } = options;
  const tool = spawn(javaExecutable(), javaArguments(kafka, "run", className, args), {
    env: options.env ?? process.env,
    ...(signal === undefined ? {} : { signal }),
  });
  tool.stdin.on("error", () => {}); // it may end without reading everything
  tool.stdin.end(options.input ?? "");
  const [stdout, stderr, [code, killedBy]] = await Promise.all([
    text(tool.stdout),
    text(tool.stderr),
    once(tool, "close"),
  ]);
  if (code !== 0) {
    throw new Error(`${className} ended with ${code ?? killedBy}:\n${`${stderr}${stdout}`.trim().slice(-3_000)}`);
  }
  return { stdout, stderr };
}
