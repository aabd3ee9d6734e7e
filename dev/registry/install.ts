import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheOf, putInPlace, runMaven } from "../kafka/install.ts";
import { javaVersion } from "../kafka/java.ts";

const version = "3.0.9";
const artifact = "apicurio-registry-app";

/** Finds the registry's program, or fetches it from Maven once. Gives the path of its jar. */
export async function installRegistry(onProgress: (line: string) => void): Promise<string> {
  await javaVersion();
  const place = cacheOf(`registry-${version}`);
  if (!existsSync(place)) {
    onProgress(`Fetching Apicurio Registry ${version} from Maven (once, about 109 MB) ...`);
    await putInPlace(place, async (unfinished) => {
      const coordinates = `io.apicurio:${artifact}:${version}:tar.gz:all`;
      await runMaven(`Apicurio Registry ${version}`, [
        "dependency:copy",
        `-Dartifact=${coordinates}`,
        `-DoutputDirectory=${unfinished}`,
      ]);
      const archive = join(unfinished, `${artifact}-${version}-all.tar.gz`);
      await promisify(execFile)("tar", ["-xzf", archive, "-C", unfinished]);
      await rm(archive);
    });
  }
  return join(place, `${artifact}-${version}-runner.jar`);
}
