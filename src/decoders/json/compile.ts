import type { Fields } from "./layout.ts";
import type { Branch, LayoutTree } from "./layout-tree.ts";
import { endOfPlainText, type ValueReader } from "./value-reader.ts";

/** The object at `start` when it has one of certain layouts, else undefined. Leaves the reader behind it. */
export type LayoutProgram = (reader: ValueReader, bytes: Uint8Array, start: number) => unknown;

/** Node can be told not to run programs that are made at run time. */
export function canCompile(): boolean {
  try {
    return new Function("return true")();
  } catch {
    return false;
  }
}

/**
 * A program for some layouts: literals are compared byte by byte, and objects made by object literals, so that those of one layout
 * share a hidden class.
 */
export function compile(tree: LayoutTree): LayoutProgram {
  const body = `
    return (reader, bytes, start) => {
      let position = start;
      let textEnd = 0;
      ${branchesOf(tree, 0)}
    };`;
  return new Function("endOfPlainText", body)(endOfPlainText) as LayoutProgram;
}

/** @param values How many have been read before. */
const branchesOf = ({ branches }: LayoutTree, values: number): string =>
  `${branches.map((branch) => branchOf(branch, values)).join("")}
    return undefined;`;

function branchOf({ literal, next }: Branch, values: number): string {
  const bytes = Buffer.from(literal);
  const matches = Array.from(bytes, (byte, index) => `bytes[position + ${index}] === ${byte}`);
  if ("fields" in next) {
    return `
    if (${matches.join(" && ")}) {
      reader.position = position + ${bytes.length};
      return ${objectOf(next.fields)};
    }`;
  }
  return `
    if (${matches.join(" && ")}) {
      position += ${bytes.length};
      let value${values};
      textEnd = bytes[position] === 0x22 ? endOfPlainText(bytes, position + 1) : -1;
      if (textEnd >= 0) {
        value${values} = reader.cut(position + 1, textEnd);
        position = textEnd + 1;
      } else {
        value${values} = reader.read(position);
        if (value${values} === undefined) return undefined;
        position = reader.position;
      }
      ${branchesOf(next, values + 1)}
    }`;
}

const objectOf = (fields: Fields): string =>
  `{ ${fields
    .map(([name, value]) => `${JSON.stringify(name)}: ${typeof value === "number" ? `value${value}` : objectOf(value)}`)
    .join(", ")} }`;
