import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { javaVersion, waysOut } from "./java.ts";

/** Kafka's jars on this machine. */
export interface Installation {
  readonly classPath: string;
  /** The JVM's archive of loaded classes; it halves the start. May not exist yet. */
  readonly classArchive: string;
}

const here = import.meta.dirname;

/** The pom names the version, so it is said once. */
export const kafkaVersion: string = /<kafka.version>(.+)<\/kafka.version>/.exec(
  readFileSync(join(here, "pom.xml"), "utf8"),
)![1]!;

/** A cache of the user's, not of the checkout: a fresh clone downloads nothing. */
export const cacheOf = (what: string) =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "millrace", what);

const cache = () => cacheOf(`kafka-${kafkaVersion}`);

/** Finds Kafka's jars, or fetches them from Maven once. */
export async function installKafka(onProgress: (line: string) => void): Promise<Installation> {
  const version = await javaVersion();
  const jars = join(cache(), "jars");
  if (!existsSync(jars)) await fetchJars(jars, onProgress);
  // Sorted, because the class archive holds for exactly one class path.
  const names = (await readdir(jars)).filter((name) => name.endsWith(".jar")).sort();
  return {
    classPath: names.map((name) => join(jars, name)).join(process.platform === "win32" ? ";" : ":"),
    classArchive: join(cache(), `classes-java-${version}.jsa`),
  };
}

async function fetchJars(place: string, onProgress: (line: string) => void): Promise<void> {
  onProgress(`Fetching Apache Kafka ${kafkaVersion} from Maven (once, about 54 MB) ...`);
  await putInPlace(place, async (unfinished) => {
    const goal = ["dependency:copy-dependencies", `-DoutputDirectory=${unfinished}`];
    await runMaven(`Apache Kafka ${kafkaVersion}`, ["-f", join(here, "pom.xml"), ...goal]);
  });
}

/** Fills a folder beside the place and renames it when complete: what stands in the place is whole, whoever else does the same. */
export async function putInPlace(place: string, fill: (unfinished: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(place), { recursive: true });
  const unfinished = await mkdtemp(join(dirname(place), "fetching-"));
  try {
    await fill(unfinished);
    await rename(unfinished, place).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

export async function runMaven(what: string, args: readonly string[]): Promise<void> {
  await promisify(execFile)("mvn", ["-B", "-q", ...args]).catch(
    (error: Error & { code?: unknown; stdout?: string }) => {
      const problem =
        error.code === "ENOENT"
          ? `${what} comes from Maven, and there is no "mvn" here: install Maven.`
          : `Maven could not fetch ${what}:\n${error.stdout?.trim().slice(-2000) || error.message}`;
      throw new Error(`${problem}\n${waysOut}`, { cause: error });
    },
  );
}
