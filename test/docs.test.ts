/** Every TypeScript block of the documentation is a program that compiles under the strictest settings. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "..");

interface Block {
  /** The document and the line of its first fence: `README.md:12`. */
  readonly place: string;
  /** The program, on the very lines it has in the document. */
  readonly program: string;
}

/**
 * The blocks fenced as ts. One fenced as `ts continued` goes on where the block before it ended. Everything else becomes an
 * empty line, so that an error's line is the document's.
 */
function blocksOf(document: string, text: string): Block[] {
  const blocks: Block[] = [];
  let lines: string[] = [];
  let fence: number | undefined;
  let other = false;
  text.split("\n").forEach((line, index) => {
    const opened = fence === undefined && !other ? /^\s*```(\S*) *(.*)$/.exec(line) : null;
    if (opened !== null) {
      const [, language, more] = opened;
      if (language !== "ts" && language !== "typescript") other = true;
      else {
        fence = index + 1;
        if (more !== "continued") lines = [];
        while (lines.length <= index) lines.push("");
      }
    } else if (line.trim() === "```") {
      if (fence !== undefined) blocks.push({ place: `${document}:${fence}`, program: lines.join("\n") });
      fence = undefined;
      other = false;
    } else if (fence !== undefined) lines.push(line);
  });
  return blocks;
}

/** What the compiler says about these blocks; empty when it is content. */
async function compile(blocks: readonly Block[]): Promise<string> {
  mkdirSync(join(root, ".cache"), { recursive: true });
  // Inside the repository, so that "millrace" means this package.
  const folder = mkdtempSync(join(root, ".cache", "docs-"));
  try {
    for (const { place, program } of blocks) {
      writeFileSync(join(folder, `${place.replaceAll(/[/:]/g, "_")}.ts`), `${program}\nexport {};\n`);
    }
    const compilerOptions = { noUnusedLocals: false, noUnusedParameters: false };
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ extends: "../../tsconfig.json", compilerOptions, include: ["*.ts"] }),
    );
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    await promisify(execFile)(process.execPath, [tsc, "-p", folder, "--pretty", "false"], { cwd: folder });
    return "";
  } catch (error) {
    return (error as { stdout?: string }).stdout || String(error);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const documents = globSync(["*.md", "docs/**/*.md", "examples/**/*.md"], { cwd: root }).filter(
  (path) => !path.includes("node_modules"),
);

test("every TypeScript block of the documentation compiles", async () => {
  const blocks = documents.flatMap((path) => blocksOf(path, readFileSync(join(root, path), "utf8")));
  assert.ok(
    blocks.some(({ place }) => place.startsWith("README.md")),
    "the README shows a program",
  );
  assert.equal(await compile(blocks), "");
});

/** As GitHub makes them of the headings. */
function anchorsOf(path: string): string[] {
  const headings = readFileSync(path, "utf8").matchAll(/^#+ (.*)$/gm);
  return [...headings].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^a-z0-9 _-]/g, "")
      .replaceAll(" ", "-"),
  );
}

test("every link from one document to another, or to a part of it, leads there", () => {
  const dead = documents.flatMap((path) =>
    [...readFileSync(join(root, path), "utf8").matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link = ""]) => link)
      .filter((link) => !/^https?:/.test(link))
      .filter((link) => {
        const [file = "", anchor] = link.split("#");
        const target = file === "" ? join(root, path) : join(root, dirname(path), file);
        return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
      })
      .map((link) => `${path}: ${link}`),
  );
  assert.deepEqual(dead, []);
});

test("a block that does not compile is reported at its line in the document", async () => {
  const text = [
    "# Title",
    "```sh",
    "npm start",
    "```",
    "```ts",
    'import { utf8 } from "millrace";',
    "const n: number = 1;",
    "```",
    "and then",
    "```ts continued",
    "const s: string = n;",
    "utf8(5);",
    "```",
    "```ts",
    "const n = 'another program';",
    "```",
  ];
  const blocks = blocksOf("docs/a.md", text.join("\n"));
  assert.deepEqual(
    blocks.map(({ place }) => place),
    ["docs/a.md:5", "docs/a.md:10", "docs/a.md:14"],
  );
  const complaint = await compile(blocks);
  assert.deepEqual(complaint.match(/^\S+\(\d+/gm), ["docs_a.md_10.ts(11", "docs_a.md_10.ts(12"]);
});
