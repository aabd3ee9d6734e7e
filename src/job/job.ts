import type { JobContext } from "../graph/job-context.ts";
import { MillraceError } from "../model/errors.ts";
import { isFunction } from "../model/options.ts";
import { crossing } from "../shuffle/cloneable.ts";
import { type JobOptions, type ParamValue, resolveOptions } from "./options.ts";

const brand = Symbol.for("millrace.job");

/** A name, options and a function that builds the graph. Made by {@link defineJob}. */
export interface Job<out P = unknown> {
  readonly appName: string;
  readonly module: string | undefined;
  readonly params: P;
  /** @internal */
  readonly options: JobOptions<unknown>;
  /** @internal */
  readonly build: (ssc: JobContext, params: never) => void;
}

/**
 * A job: a name, options and a function that builds the graph. Defining runs nothing. The driver and every executor import this
 * module and call `build` once each; it must build the same graph everywhere, and must not be async.
 * @throws BAD_OPTION
 */
export function defineJob<P extends { readonly [name: string]: ParamValue } = {}>(
  options: JobOptions<P>,
  build: (ssc: JobContext, params: Readonly<P>) => void,
): Job<P> {
  resolveOptions("defineJob", options);
  if (isFunction(build) !== undefined) {
    throw new MillraceError("BAD_OPTION", `The second argument of defineJob is ${typeof build}, not a function.`, {
      hint: "Pass the function that builds the graph: defineJob({ ... }, (ssc) => { ... }).",
    });
  }
  const params = (options.params ?? {}) as P;
  crossing(params, "params");
  const job: Job<P> = { appName: options.appName, module: options.module, params, options, build };
  Object.defineProperty(job, brand, { value: true });
  return Object.freeze(job);
}

/** By brand, so it holds across two copies of the package. */
export function isJob(value: unknown): value is Job {
  return typeof value === "object" && value !== null && brand in value;
}
