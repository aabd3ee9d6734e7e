import { createHash } from "node:crypto";
import type { Time } from "../model/duration.ts";
import { MillraceError } from "../model/errors.ts";
import type { ActionRunner, GraphRunner } from "./action.ts";
import { refused } from "./action-trap.ts";
import { nameAtCallSite } from "./call-site.ts";
import { type Node, type Output, parentsOf } from "./node.ts";
import { Accumulator, Broadcast } from "./shared-variables.ts";

type Distribute<N> = N extends unknown ? Omit<N, "id" | "name"> : never;
export type NodeBody = Distribute<Node>;
export type OutputBody = Output extends infer O
  ? O extends unknown
    ? Omit<O, "id" | "name" | "named">
    : never
  : never;

/** Gives nodes their identity: creation order within one scope, so that driver and executors agree. */
export interface Scope {
  node<B extends NodeBody>(method: string, body: B): Node & B;
  /** Who computes the actions of RDDs made in this scope. */
  readonly runner: ActionRunner;
}

/** Everything one run of a build function described. */
export class Graph implements Scope {
  readonly nodes: Node[] = [];
  readonly outputs: Output[] = [];
  readonly broadcasts: Broadcast<unknown>[] = [];
  readonly accumulators: Accumulator[] = [];
  readonly runner: GraphRunner;
  /** Milliseconds. */
  readonly batchInterval: number;
  /** How long a completed batch can be looked at again, in ms. */
  rememberMs = 0;
  #sealed = false;

  constructor(runner: GraphRunner, batchInterval: number) {
    this.runner = runner;
    this.batchInterval = batchInterval;
  }

  node<B extends NodeBody>(method: string, body: B): Node & B {
    // Within a transform also what starts from an RDD of the build function belongs to the batch.
    if (current !== undefined) return current.node(method, body);
    const name = nameAtCallSite(method);
    this.#refuseWhenSealed(name);
    const node = Object.freeze({ ...body, id: String(this.nodes.length), name }) as unknown as Node & B;
    if (parentsOf(node).some((parent) => this.nodes[Number(parent.id)] !== parent)) throw ofAnotherContext(name);
    if (node.kind === "source") this.#refuseSameName(node.source.name, name);
    if (node.kind === "state") this.#refuseSameState(node.stateName, name);
    this.nodes.push(node);
    return node;
  }

  output(method: string, body: OutputBody, name?: string): void {
    const place = nameAtCallSite(method);
    this.#refuseWhenSealed(place);
    if (name !== undefined && this.outputs.some((output) => output.name === name)) {
      throw new MillraceError("BAD_OPTION", `Two outputs are named "${name}"; the second one is ${place}.`, {
        hint: "Names are durable identities: give each output one of its own.",
      });
    }
    const named = name !== undefined;
    const output = { ...body, id: `out-${this.outputs.length}`, name: name ?? place, named } as Output;
    this.outputs.push(Object.freeze(output));
  }

  broadcast<T>(load: () => T | Promise<T>, refreshMs: number | undefined): Broadcast<T> {
    const name = nameAtCallSite("broadcast");
    this.#refuseWhenSealed(name);
    const broadcast = new Broadcast(`broadcast-${this.broadcasts.length}`, name, load, refreshMs);
    this.broadcasts.push(broadcast);
    return broadcast;
  }

  accumulator(name: string): Accumulator {
    const place = nameAtCallSite("accumulator");
    this.#refuseWhenSealed(place);
    if (this.accumulators.some((other) => other.name === name)) {
      throw new MillraceError("BAD_OPTION", `Two accumulators are named "${name}"; the second one is ${place}.`, {
        hint: "Tasks send what they have added by name: give each accumulator one of its own.",
      });
    }
    const accumulator = new Accumulator(name);
    this.accumulators.push(accumulator);
    return accumulator;
  }

  remember(ms: number): void {
    const place = nameAtCallSite("remember");
    this.#refuseWhenSealed(place);
    if (this.rememberMs > 0) {
      throw new MillraceError(
        "BAD_OPTION",
        `${place} is the second one: batches are remembered for ${this.rememberMs} ms.`,
        {
          hint: "Call it once, with the longest time that is needed.",
        },
      );
    }
    this.rememberMs = ms;
  }

  /** @throws ACTION_IN_TRANSFORM within a transform: on an executor there is no other batch to look at. */
  slice(node: Node, from: Time, to: Time): readonly ActionRunner[] {
    if (current !== undefined) throw refused();
    return this.runner.slice(node, from, to);
  }

  /** Whether functions of tasks may ask for anything that all tasks share. */
  get sharesVariables(): boolean {
    return this.broadcasts.length + this.accumulators.length > 0;
  }

  /** No more operations: the stream has started. */
  seal(): void {
    this.#sealed = true;
  }

  /** One line per node and output. Driver and executors must have the same; function text is left out on purpose. */
  fingerprint(): string[] {
    const describe = (node: Node) => {
      const method = node.name.split(" ", 1)[0];
      const details = node.kind === "source" ? node.source.describe() : (node.options ?? "");
      return `${node.id} ${node.kind} ${method} (${parentsOf(node).map((parent) => parent.id)}) ${details}`.trimEnd();
    };
    return [
      ...this.nodes.map(describe),
      ...this.outputs.map((o) => `${o.id} ${o.kind} (${o.node.id})`),
      ...this.broadcasts.map(({ id, refreshMs }) => `${id} ${refreshMs ?? ""}`.trimEnd()),
      ...this.accumulators.map(({ name }) => `accumulator ${name}`),
    ];
  }

  #refuseWhenSealed(place: string): void {
    if (!this.#sealed) return;
    throw new MillraceError("WRONG_STATE", `${place} was called after the stream had started.`, {
      hint: "Describe all streams, operations and outputs first, then start. What depends on a batch goes into transform.",
    });
  }

  #refuseSameState(state: string, place: string): void {
    if (!this.nodes.some((node) => node.kind === "state" && node.stateName === state)) return;
    throw new MillraceError("BAD_OPTION", `Two states are named "${state}"; the second one is ${place}.`, {
      hint: "Names are durable identities: give each state one of its own.",
    });
  }

  #refuseSameName(source: string, place: string): void {
    if (!this.nodes.some((node) => node.kind === "source" && node.source.name === source)) return;
    throw new MillraceError("BAD_OPTION", `Two streams are named "${source}"; the second one is ${place}.`, {
      hint: 'A stream is named after its topics. Give the second one a name: createDirectStream(..., { name: "..." }).',
    });
  }
}

function ofAnotherContext(place: string): MillraceError {
  return new MillraceError(
    "BAD_OPTION",
    `${place} was given a stream or RDD of another context, or one of inside a transform.`,
    {
      hint: "All streams and RDDs that meet come from one ssc: the one that the build function gets. What a transform makes stays in it.",
    },
  );
}

/** Of the transform whose function is being called, if one is. */
let current: Scope | undefined;

/** Calls the function of a transform, which is synchronous. */
export function within<R>(scope: Scope, f: () => R): R {
  const before = current;
  current = scope;
  try {
    return f();
  } finally {
    current = before;
  }
}

/** The nodes that one call of a transform function makes for one batch. `made` is told of each. */
export function transformScope(transform: Node, runner: ActionRunner, made: (node: Node) => void): Scope {
  let count = 0;
  return {
    runner,
    node(method, body) {
      const id = `${transform.id}/${count++}`;
      const node = Object.freeze({ ...body, id, name: nameAtCallSite(method) }) as unknown as Node & typeof body;
      made(node);
      return node;
    },
  };
}

/** A short text that stands for a fingerprint. */
export function digest(lines: readonly string[]): string {
  return createHash("sha256").update(lines.join("\n")).digest("hex").slice(0, 16);
}
