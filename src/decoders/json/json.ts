import { MillraceError } from "../../model/errors.ts";
import { shown } from "../../model/options.ts";
import type { DecodeFunction } from "../decoder.ts";
import { refuseNull, withFastPath } from "../resolve.ts";
import type { StandardSchemaV1 } from "../standard-schema.ts";
import { textOf } from "../text.ts";
import { LearnedLayouts } from "./learned-layouts.ts";

/** JSON without a check: the type is your promise. A null value is an error that names the offset; see `nullable`. */
export function json<T>(): DecodeFunction<T>;
/** JSON checked by a Standard Schema (zod, valibot, arktype): typed by it, refused with its issues. Synchronous schemas only. */
export function json<S extends StandardSchemaV1>(schema: S): DecodeFunction<StandardSchemaV1.InferOutput<S>>;
export function json(schema?: StandardSchemaV1): DecodeFunction<unknown> {
  const check = schema === undefined ? (value: unknown) => value : checkBy(schema);
  const layouts = new LearnedLayouts();
  return withFastPath(
    (bytes) => (bytes === null ? refuseNull() : check(JSON.parse(textOf(bytes)))),
    (source, start, end) => (start < 0 ? refuseNull() : check(layouts.parse(source, start, end))),
  );
}

function checkBy(schema: StandardSchemaV1): (value: unknown) => unknown {
  if (schema === null || schema instanceof Uint8Array) {
    throw new MillraceError("BAD_OPTION", "json is no decoder, it makes one.", { hint: "Write valueDecoder: json()." });
  }
  if (typeof schema?.["~standard"]?.validate !== "function") {
    throw new MillraceError("BAD_OPTION", `json takes a schema or nothing; it got ${shown(schema)}.`, {
      hint: "A schema follows standardschema.dev, as those of zod, valibot and arktype do. Without one: json<PageView>().",
    });
  }
  return (value) => {
    const result = schema["~standard"].validate(value);
    if (result instanceof Promise) {
      throw new TypeError("the schema answers with a promise; a decoder is synchronous");
    }
    if (result.issues !== undefined) throw new TypeError(result.issues.map(describeIssue).join("; "));
    return result.value;
  };
}

function describeIssue({ message, path = [] }: StandardSchemaV1.Issue): string {
  const place = path.map((part) => String(typeof part === "object" ? part.key : part)).join(".");
  return place === "" ? message : `${place}: ${message}`;
}
