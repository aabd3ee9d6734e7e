/** What somebody sees who types a command, or mistypes it. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

const INDEX = new URL("../../src/index.ts", import.meta.url).href;

const millrace = (...args: string[]) => {
  const node = ["--conditions=millrace-source", MAIN, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, node, { encoding: "utf8", timeout: 20_000 });
  return { status, stdout, stderr };
};

test("millrace --version is that of the package", () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  assert.deepEqual(millrace("--version"), { status: 0, stdout: `${version}\n`, stderr: "" });
});

test("a job module without its command is told the command", () => {
  assert.deepEqual(millrace("views.ts"), {
    status: 2,
    stdout: "",
    stderr: 'There is no command "views.ts".\n  A job is run by `millrace run views.ts`.\n',
  });
});

test("millrace checkpoint --help has every option", () => {
  const { status, stdout } = millrace("checkpoint", "--help");
  assert.equal(status, 0);
  assert.match(stdout, /show[\s\S]*verify[\s\S]*--state[\s\S]*--json/);
});

test("an --import that is not there is one sentence, with the way to get it", () => {
  assert.deepEqual(millrace("run", "views.ts", "--import", "no-such-loader"), {
    status: 2,
    stdout: "",
    stderr: "BAD_OPTION: --import no-such-loader: there is no such package.\n  npm install no-such-loader\n",
  });
});

test("a module that throws while it is loaded is shown with the user's own line", (t) => {
  const module = join(temporaryFolder(t), "job.ts");
  writeFileSync(module, '\nthrow new TypeError("no settings");\n');
  const { status, stderr } = millrace("run", module);
  assert.equal(status, 1);
  assert.match(stderr, /^JOB_THREW: .*job\.ts could not be loaded: no settings\n/);
  assert.match(stderr, /\n {2}TypeError: no settings\n {6}at .*job\.ts:2:7/);
  assert.doesNotMatch(stderr, /node:internal|\/src\//);
});

test("a module that no start can load has an exit code that ends a supervisor; one that threw may be luckier the next time", (t) => {
  const module = join(temporaryFolder(t), "job.ts");
  const statusOf = (text: string, ...options: string[]) => {
    writeFileSync(module, text);
    return millrace("run", module, ...options).status;
  };
  assert.equal(statusOf("export default 5;\n", "--supervise"), 2);
  assert.equal(statusOf("export default (;\n", "--supervise"), 2);
  assert.equal(statusOf('import "./gone.ts";\n', "--supervise"), 2);
  assert.equal(statusOf('throw new Error("connect ECONNREFUSED 10.0.0.1:443");\n'), 1);
});

test("a job that is written so that no start can run it ends a supervisor: without an output, async, or asking while it is described", (t) => {
  const module = join(temporaryFolder(t), "job.ts");
  const supervised = (build: string, options = "") => {
    writeFileSync(
      module,
      `import { defineJob } from ${JSON.stringify(INDEX)};
      export default defineJob({ appName: "a", batchInterval: "1s", master: "local", ${options} }, ${build});`,
    );
    const { status, stderr } = millrace("run", module, "--supervise", "--log-level", "silent");
    return `${status} ${stderr.split(":")[0]}`;
  };
  assert.equal(supervised("(ssc) => void ssc.queueStream([[1]]).map(String)"), "2 WRONG_STATE");
  assert.equal(supervised("async (ssc) => ssc.queueStream([[1]]).pprint()"), "2 ASYNC_FUNCTION");
  assert.equal(supervised("(ssc) => ssc.queueStream([[1]]).map(async (n) => n).pprint()"), "2 ASYNC_FUNCTION");
  assert.equal(
    supervised("(ssc) => ssc.queueStream([[1]]).transform((rdd) => (rdd.count(), rdd)).pprint()"),
    "2 ACTION_IN_TRANSFORM",
  );
  assert.equal(supervised("(ssc) => ssc.queueStream([[1]]).pprint()", "params: { f() {} }"), "2 NOT_CLONEABLE");
});

test("a checkpoint where no directory can be ends a supervisor: a file is in the way", (t) => {
  const folder = temporaryFolder(t);
  const module = join(folder, "job.ts");
  writeFileSync(
    module,
    `import { defineJob } from ${JSON.stringify(INDEX)};
    export default defineJob({ appName: "a", batchInterval: "1s", master: "local" }, (ssc) => ssc.onDriver(() => {}));`,
  );
  for (const place of [module, join(module, "below")]) {
    const { status, stderr } = millrace("run", module, "--supervise", "--checkpoint-directory", place);
    assert.equal(status, 2);
    assert.match(stderr, /BAD_OPTION: The checkpoint in .*job\.ts.* cannot be (opened|made): ENOTDIR/);
  }
});

test("a files sink where no directory can be ends a supervisor, before anything is written", (t) => {
  const module = join(temporaryFolder(t), "job.ts");
  const sinks = new URL("../../src/sinks/index.ts", import.meta.url).href;
  writeFileSync(
    module,
    `import { defineJob } from ${JSON.stringify(INDEX)};
    import { files } from ${JSON.stringify(sinks)};
    export default defineJob({ appName: "a", batchInterval: 20, master: "local" }, (ssc) =>
      ssc.queueStream([[1]]).saveTo(files({ directory: ${JSON.stringify(module)} }), { name: "out" }));`,
  );
  const { status, stderr } = millrace("run", module, "--supervise", "--log-level", "silent");
  assert.equal(status, 2);
  assert.match(stderr, /^BAD_OPTION: Files in .*job\.ts cannot be written: ENOTDIR/);
});

test("a module that awaits what never comes is told as that", (t) => {
  const module = join(temporaryFolder(t), "job.ts");
  writeFileSync(module, "await new Promise(() => {});\n");
  const { status, stderr } = millrace("run", module);
  assert.equal(status, 2);
  assert.match(
    stderr,
    /^JOB_NOT_LOADABLE: .*job\.ts awaits something that never comes.*\n {2}Look for a top-level await/,
  );
});

test("whoever reads no further, like head, is no error", () => {
  const command = '"$0" --conditions=millrace-source "$1" help | head -c 0';
  const { stderr } = spawnSync("sh", ["-c", command, process.execPath, MAIN], { encoding: "utf8" });
  assert.equal(stderr, "");
});

const KEPT_OPEN = (build: string) => `import { defineJob, executorId } from "${INDEX}";
import { createServer } from "node:http";
if (executorId === undefined) createServer(() => {}).listen(0, "127.0.0.1");
export default defineJob({ appName: "open", batchInterval: 20, trigger: "availableNow" }, (ssc) => {
  ssc.queueStream([[1]])${build};
});
`;

for (const [how, build, code] of [
  ["is done", ".foreachRDD(() => {})", 0],
  ["has failed", '.foreachRDD(() => { throw new Error("no"); })', 1],
] as const) {
  test(`a process whose job ${how} ends, though the job's module has left a server open, and says what keeps it`, (t) => {
    const module = join(temporaryFolder(t), "job.ts");
    writeFileSync(module, KEPT_OPEN(build));
    const { status, stderr } = millrace("run", module, "--executors", "1", "--log-level", "silent");
    assert.equal(status, code);
    assert.match(
      stderr,
      /its module keeps this process running \(TCPServerWrap\): the process is ended\.\n {2}Close what/,
    );
  });
}

test("a second signal ends the process, though a function under way heeds no signal", {
  timeout: 20_000,
}, async (t) => {
  const module = join(temporaryFolder(t), "job.ts");
  const build = '.foreachRDD(() => { console.log("begins"); return new Promise((done) => setTimeout(done, 1e6)); })';
  writeFileSync(module, KEPT_OPEN(build));
  const node = ["--conditions=millrace-source", MAIN, "run", module, "--executors", "0"];
  const child = spawn(process.execPath, node, { stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  const exited = once(child, "exit");
  await once(child.stdout, "data");
  // What comes right after the first one counts as the same press of a key.
  const again = setInterval(() => child.kill("SIGINT"), 100);
  let told = "";
  for await (const line of createInterface({ input: child.stderr })) {
    told += `${line}\n`;
    if (line.includes(": stops at once")) clearInterval(again);
  }
  assert.deepEqual(await exited, [0, null]);
  assert.match(told, /the stream has stopped/);
  assert.doesNotMatch(told, /keeps this process running/);
});
