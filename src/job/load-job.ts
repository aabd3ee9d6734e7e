import { basename, extname } from "node:path";
import { fileURLToPath } from "node:url";
import { messageOf } from "../model/error-transfer.ts";
import { MillraceError } from "../model/errors.ts";
import { isJob, type Job } from "./job.ts";

/** Imports a job module, on the driver and on every executor alike, and says what to do when Node cannot. */
export async function loadJob(module: string): Promise<Job> {
  const never = Promise.withResolvers<never>();
  const nothingLeft = () => never.reject(stuck(module));
  process.once("beforeExit", nothingLeft);
  let exports: { default?: unknown };
  try {
    exports = await Promise.race([import(module), never.promise]);
  } catch (error) {
    // A job that starts itself says so better than any guess of ours.
    if (MillraceError.is(error)) throw error;
    throw notLoadable(module, error);
  } finally {
    process.off("beforeExit", nothingLeft);
  }
  if (isJob(exports.default)) return exports.default;
  throw new MillraceError("JOB_NOT_LOADABLE", `${place(module)} has no job as its default export.`, {
    hint:
      exports.default === undefined
        ? "End the module with `export default defineJob(...)`. A script with a StreamingContext of its own is run by node."
        : "The default export must be what defineJob returned.",
  });
}

interface Cure {
  readonly sign: RegExp;
  readonly hint: string;
}

const TSX = "Start with `--import tsx` (`npm install tsx`), which executors inherit";

/** What Node says when it cannot load a module, and what helps. The first that matches counts. */
const CURES: readonly Cure[] = [
  {
    sign: /ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX|not supported in strip-only mode/,
    hint: `Node strips types but cannot translate enums, namespaces, decorators or parameter properties. ${TSX}, or write it without them.`,
  },
  {
    sign: /ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING/,
    hint: "Node does not strip types below node_modules. Publish that package as JavaScript.",
  },
  {
    sign: /Cannot use import statement/,
    hint: "Node takes that file for CommonJS, as `npm init` says in package.json: `npm pkg set type=module` says otherwise, or let its name end with .mts.",
  },
  {
    sign: /require is not defined|module is not defined|exports is not defined|ERR_REQUIRE_ESM|is a CommonJS module/,
    hint: `The module mixes CommonJS with ES modules. Use import and export, with "type": "module" in package.json or the ending .mts.`,
  },
  {
    sign: /does not provide an export named/,
    hint: "That name is not exported there. If it is a type, import it as one, so that Node removes it: import { type PageView }.",
  },
  {
    sign: /ERR_UNSUPPORTED_DIR_IMPORT|Cannot find module '(\.|file:|\/|[A-Za-z]:\\)/,
    hint: `A file that it imports is not there. Node wants the whole name, with its ending: "./parse.ts". ${TSX} to allow names without endings.`,
  },
  {
    sign: /ERR_PACKAGE_PATH_NOT_EXPORTED|ERR_MODULE_NOT_FOUND|Cannot find (package|module)/,
    hint: `Install the package it names. If that is a path alias of tsconfig.json ("@/..."), Node does not know it: use "imports" in package.json ("#..."), or ${TSX.charAt(0).toLowerCase()}${TSX.slice(1)}.`,
  },
  {
    sign: /Unknown file extension "\.[jt]sx"/,
    hint: `Node runs .ts, .mts and .cts files, and no JSX. ${TSX}.`,
  },
  {
    sign: /SyntaxError|ERR_INVALID_TYPESCRIPT_SYNTAX/,
    hint: `Correct the syntax error; \`npx tsc --noEmit\` shows its place. If tsc sees none, it may be a decorator, which Node does not know: ${TSX.charAt(0).toLowerCase()}${TSX.slice(1)}.`,
  },
];

function notLoadable(module: string, error: unknown): MillraceError {
  const { name, code } = (error ?? {}) as { name?: string; code?: string };
  const message = messageOf(error);
  const said = `${name ?? ""} ${code ?? ""} ${message}`;
  const cure = CURES.find(({ sign }) => sign.test(said));
  const missing = code === "ERR_MODULE_NOT_FOUND" && message.includes(`'${place(module)}' imported from`);
  if (missing) {
    return new MillraceError("JOB_NOT_LOADABLE", `There is no file ${place(module)}.`, { hint: "Check the path." });
  }
  if (code === "ERR_UNSUPPORTED_DIR_IMPORT" && message.includes(`'${pathOf(module)}' is not`)) {
    return new MillraceError("JOB_NOT_LOADABLE", `${pathOf(module)} is a folder.`, {
      hint: "Name the file of the job that is in it.",
    });
  }
  const told = `${place(module)} could not be loaded: ${message}${placeOfSyntaxError(error)}`;
  const hint = cure?.hint ?? "The module threw while it was imported; its own error is the cause.";
  const isOfNode = cure !== undefined || code?.startsWith("ERR_");
  return isOfNode
    ? new MillraceError("JOB_NOT_LOADABLE", told, { hint, cause: error })
    : new MillraceError("JOB_THREW", told, { hint, cause: error });
}

/** Node names the line of code that it cannot parse only above the stack: ` (views.ts:6)`. */
function placeOfSyntaxError(error: unknown): string {
  if (!(error instanceof SyntaxError)) return "";
  const [, file, line] = /^(\S+):(\d+)\n/.exec(error.stack ?? "") ?? [];
  return file === undefined ? "" : ` (${basename(file)}:${line})`;
}

function stuck(module: string): MillraceError {
  return new MillraceError(
    "JOB_NOT_LOADABLE",
    `${place(module)} awaits something that never comes: nothing is left that could bring it.`,
    { hint: "Look for a top-level await of a promise that never settles, there or in what it imports." },
  );
}

function place(module: string): string {
  return extname(module) === "" ? module : pathOf(module);
}

const pathOf = (module: string): string => (module.startsWith("file:") ? fileURLToPath(module) : module);
