import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { publishedBatches } from "millrace/sinks";
import { ascending, runKilledOnNumbers, sumsOf } from "../helpers/killed-numbers.ts";
import { temporaryFolder } from "../helpers/temporary-folder.ts";

test("the files of complete batches hold the effect of every record exactly once, whenever the driver is killed", async (t) => {
  const directory = join(temporaryFolder(t), "files");
  const read = async <T>(wanted: string): Promise<T[]> => {
    const values: T[] = [];
    if (!existsSync(directory)) return values;
    for await (const { output, files } of publishedBatches(directory)) {
      if (output !== wanted) continue;
      for (const { path } of files) {
        const lines = (await readFile(path, "utf8")).split("\n").slice(0, -1);
        values.push(...lines.map((line) => JSON.parse(line)));
      }
    }
    return values;
  };
  const expected = await runKilledOnNumbers(t, {
    job: "save-to-files.ts",
    params: { directory },
    progress: async () => (await read("numbers")).length,
  });
  assert.deepEqual((await read<number>("numbers")).sort(ascending), expected.numbers);
  assert.deepEqual(sumsOf(await read<[number, number]>("sums")), expected.sums);
});
