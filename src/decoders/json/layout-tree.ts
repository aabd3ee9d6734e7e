import type { Fields, Layout } from "./layout.ts";

/** Layouts by what they begin with, so that a record is read once whichever it has. */
export interface LayoutTree {
  /** The longest literal first: another may be the beginning of it. */
  readonly branches: Branch[];
}

/** A literal, and what follows it: a value and the rest, or the end of the record. */
export interface Branch {
  readonly literal: string;
  readonly next: LayoutTree | { readonly fields: Fields };
}

/** Beyond this the program that is made of a tree becomes too much for V8 to optimize. */
const MOST_CHARACTERS = 2000;

export const newTree = (): LayoutTree => ({ branches: [] });

/** Whether the tree has grown. */
export function addLayout(tree: LayoutTree, { literals, fields }: Layout): boolean {
  if (sizeOf(tree) + literals.join("").length > MOST_CHARACTERS) return false;
  let node = tree;
  for (const literal of literals.slice(0, -1)) {
    let next = node.branches.find((branch) => branch.literal === literal)?.next;
    if (next === undefined || !("branches" in next)) {
      next = newTree();
      addBranch(node, { literal, next });
    }
    node = next;
  }
  const last = literals.at(-1)!;
  if (node.branches.some((branch) => branch.literal === last)) return false;
  addBranch(node, { literal: last, next: { fields } });
  return true;
}

function addBranch({ branches }: LayoutTree, branch: Branch): void {
  branches.push(branch);
  branches.sort((a, b) => b.literal.length - a.literal.length);
}

function sizeOf({ branches }: LayoutTree): number {
  let size = 0;
  for (const { literal, next } of branches) size += literal.length + ("branches" in next ? sizeOf(next) : 0);
  return size;
}
