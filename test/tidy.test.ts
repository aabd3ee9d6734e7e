/** Rules of the house that a reviewer would otherwise have to remember. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative, sep } from "node:path";
import { test } from "node:test";

/**
 * Who may import whom in src/, lowest first: a folder imports only folders above it in this list, and of those only the ones
 * it names. So nothing goes round in circles, and what is not in a row cannot be reached: only kafka/ sees the client.
 */
const layers: readonly { folder: string; may: readonly string[]; packages?: readonly string[] }[] = [
  { folder: "model", may: [] },
  { folder: "decoders", may: ["model"] },
  { folder: "operators", may: ["model"] },
  { folder: "shuffle", may: ["model", "operators"] },
  { folder: "state", may: ["model", "operators", "shuffle"] },
  { folder: "graph", may: ["model", "operators", "shuffle", "state"] },
  {
    folder: "kafka",
    may: ["model", "decoders", "operators", "graph"],
    packages: ["@node-rs/crc32", "lz4-napi", "snappy"],
  },
  { folder: "postgres", may: ["model"], packages: ["pg"] },
  { folder: "avro", may: ["model", "decoders"], packages: ["avsc"] },
  { folder: "checkpoint", may: ["model", "postgres"] },
  { folder: "sinks", may: ["model", "operators", "kafka", "postgres", "checkpoint"] },
  { folder: "job", may: ["model", "graph", "shuffle"] },
  { folder: "executor", may: ["model", "operators", "shuffle", "state", "graph", "job"] },
  { folder: "driver", may: ["model", "operators", "shuffle", "state", "graph", "checkpoint", "job", "executor"] },
  {
    folder: "(top)", // index.ts and what puts the parts together
    may: [
      "model",
      "decoders",
      "operators",
      "shuffle",
      "state",
      "graph",
      "kafka",
      "checkpoint",
      "job",
      "executor",
      "driver",
    ],
  },
  {
    folder: "testing",
    may: ["model", "operators", "state", "graph", "kafka", "checkpoint", "job", "executor", "driver", "(top)"],
    packages: ["@node-rs/crc32"],
  },
  { folder: "cli", may: ["model", "state", "checkpoint", "job", "(top)"], packages: ["pino", "pino-pretty"] },
];

/** What only these files of src/ may use: time comes from a clock that a test can hold, output is the listeners' affair. */
const reserved: readonly { what: RegExp; name: string; to: readonly string[] }[] = [
  { name: "console", what: /\bconsole\./, to: ["cli/", "graph/print.ts"] },
  { name: "Date.now", what: /\bDate\.now\(|\bnew Date\(\)/, to: ["model/clock.ts"] },
  { name: "Math.random", what: /\bMath\.random\(/, to: ["kafka/connection/backoff.ts"] },
  {
    name: "timers",
    what: /\bset(Timeout|Interval)\b/,
    // Beside the clock: limits on how long somebody else may take.
    to: [
      "model/clock.ts",
      "kafka/connection/backoff.ts",
      "kafka/connection/broker-socket.ts",
      "kafka/connection/waiting-notice.ts",
      "executor/pool.ts",
      "driver/driver.ts",
      "driver/close.ts",
      "driver/ask-brokers.ts",
      "driver/run-log.ts",
      "driver/run-outputs.ts",
      "cli/",
    ],
  },
];

const longestFile = 400;
const leftovers = new RegExp(
  `\\b(${["TO", "FIX", "XX"].map((start, i) => start + ["DO", "ME", "X"][i]).join("|")})\\b`,
);
/** Places of somebody's machine, and package registries: the lock file installs from whichever one you use. */
const elsewhere = ["/wo|rk/", "/ro|ot/", "registry.|npmjs", "repo1.|maven", "repo.|maven"].map((word) =>
  word.replace("|", ""),
);

interface File {
  /** From the root of the repository, with slashes. */
  readonly path: string;
  readonly text: string;
}

const ofSource = (rule: (file: File) => string[]) => (file: File) =>
  file.path.startsWith("src/") && file.path.endsWith(".ts") ? rule(file) : [];

const rules: Readonly<Record<string, (file: File) => string[]>> = {
  "imports go one way": ofSource((file) => {
    const from = layerOf(file.path);
    const layer = layers.find(({ folder }) => folder === from);
    if (layer === undefined) return [`${file.path}: the folder is not in the table of layers`];
    return importsOf(file).flatMap((imported) => {
      if (imported.startsWith("node:")) return [];
      if (!imported.startsWith(".")) {
        return layer.packages?.includes(packageOf(imported))
          ? []
          : [`${file.path}: ${from} may not import ${imported}`];
      }
      const target = layerOf(
        normalize(join(dirname(file.path), imported))
          .split(sep)
          .join("/"),
      );
      return target === from || layer.may.includes(target) ? [] : [`${file.path}: ${from} may not import ${target}`];
    });
  }),
  "what is reserved for some files stays there": ofSource((file) => {
    const code = withoutComments(file.text);
    const place = file.path.slice("src/".length);
    return reserved
      .filter(({ what, to }) => what.test(code) && !to.some((allowed) => place.startsWith(allowed)))
      .map(({ name, to }) => `${file.path}: ${name} belongs in ${to.join(", ")}`);
  }),
  "no file is too long to read": ofSource((file) => {
    const lines = file.text.split("\n").length - 1;
    return lines > longestFile ? [`${file.path}: ${lines} lines; the limit is ${longestFile}`] : [];
  }),
  "nothing is left for later": (file) =>
    leftovers.test(file.text) ? [`${file.path}: ${leftovers.exec(file.text)![0]}; do it or file an issue`] : [],
  "nothing points to one machine or one registry": (file) =>
    elsewhere.filter((word) => file.text.includes(word)).map((word) => `${file.path}: ${word}`),
};

function layerOf(path: string): string {
  const [, folder, ...rest] = path.split("/");
  return rest.length === 0 ? "(top)" : folder!;
}

function importsOf(file: File): string[] {
  const statement =
    /(?<!\.)\b(?:from|import|createRequire\([^()]*\))\s*\(?\s*["']([^"'\s]+)["']|new URL\(\s*["'](\.[^"']+\.\w+)["']/g;
  return [...withoutComments(file.text).matchAll(statement)].map((match) => (match[1] ?? match[2])!);
}

const packageOf = (specifier: string) => /^(@[^/]+\/)?[^/]+/.exec(specifier)![0];

const withoutComments = (text: string) => text.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, "");

/** Every text file that git knows or would add. */
function repository(): File[] {
  const root = join(import.meta.dirname, "..");
  const list = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  return list
    .split("\n")
    .filter((path) => path !== "" && existsSync(join(root, path)))
    .map((path) => ({
      path: relative(root, join(root, path)).split(sep).join("/"),
      text: readFileSync(join(root, path), "utf8"),
    }));
}

const files = repository();

for (const [name, rule] of Object.entries(rules)) {
  test(name, () => assert.deepEqual(files.flatMap(rule), []));
}

test("the layers have an order: each names only layers before it", () => {
  layers.forEach(({ folder, may }, index) => {
    const before = layers.slice(0, index).map((layer) => layer.folder);
    assert.deepEqual(
      may.filter((name) => !before.includes(name)),
      [],
      `${folder} names layers that come later`,
    );
  });
});

test("each rule sees what breaks it, and only that", () => {
  const breaks: Record<keyof typeof rules, File[]> = {
    "imports go one way": [
      { path: "src/model/a.ts", text: 'import { b } from "../graph/b.ts";' },
      { path: "src/driver/a.ts", text: 'import type { Admin } from "@platformatic/kafka";' },
      { path: "src/graph/a.ts", text: 'const b = await import("../driver/b.ts");' },
      { path: "src/sinks/a.ts", text: 'const b = createRequire(import.meta.url)("avsc");' },
      { path: "src/graph/a.ts", text: 'new Worker(new URL("../executor/b.ts", import.meta.url));' },
      { path: "src/graph/a.ts", text: 'export * from "../index.ts";' },
      { path: "src/unheard-of/a.ts", text: "" },
    ],
    "what is reserved for some files stays there": [
      { path: "src/driver/a.ts", text: "console.log(1);" },
      { path: "src/driver/a.ts", text: "const now = Date.now();" },
      { path: "src/driver/a.ts", text: "setTimeout(end, 5);" },
      { path: "src/operators/a.ts", text: "Math.random();" },
    ],
    "no file is too long to read": [{ path: "src/graph/a.ts", text: "\n".repeat(401) }],
    "nothing is left for later": [{ path: "docs/a.md", text: `${"TO"}DO: more` }],
    "nothing points to one machine or one registry": elsewhere.map((word) => ({
      path: "README.md",
      text: `see ${word}`,
    })),
  };
  const fine: File[] = [
    { path: "src/kafka/a.ts", text: 'import { crc32c } from "@node-rs/crc32";\nimport { join } from "node:path";' },
    { path: "src/driver/a.ts", text: 'import { b } from "../model/b.ts";\nimport { c } from "./c.ts";' },
    { path: "src/driver/b.ts", text: "// not Date.now()\n/** console.log(x) */\n" },
    { path: "src/cli/a.ts", text: "console.log(1);" },
    { path: "src/cli/b.ts", text: 'spawn(node, ["--import", name], "x");' },
    { path: "src/graph/a.ts", text: "\n".repeat(400) },
    { path: "src/graph/a.ts", text: 'const word = Buffer.from("null");' },
  ];
  for (const [name, rule] of Object.entries(rules)) {
    for (const file of breaks[name]!)
      assert.equal(rule(file).length, 1, `${name}: ${file.path}: ${file.text.slice(0, 80)}`);
    assert.deepEqual(fine.flatMap(rule), []);
  }
});
