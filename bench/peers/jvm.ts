import { globSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { runTool } from "./folder.ts";

/** Folders of jars and classes, as one class path. */
export const classPath = (...places: readonly string[]) => places.join(process.platform === "win32" ? ";" : ":");

/** What a pom of ours says of a property, as in `<spark.version>3.5.1</spark.version>`. */
export function pomProperty(pom: string, property: string): string {
  return new RegExp(`<${property}>(.+)</${property}>`).exec(readFileSync(pom, "utf8"))![1]!;
}

/** Downloads the dependencies of a pom. */
export async function fetchJars(pom: string, folder: string): Promise<void> {
  await runTool("mvn", ["-B", "-q", "-f", pom, "dependency:copy-dependencies", `-DoutputDirectory=${folder}`]);
}

/** Compiles our Java programs, a second or two. */
export async function compileJava(sources: readonly string[], jars: string, classes: string): Promise<void> {
  await mkdir(classes, { recursive: true });
  const files = sources.flatMap((source) => globSync("*.java", { cwd: source }).map((file) => join(source, file)));
  await runTool("javac", ["-nowarn", "-Xlint:-deprecation", "-d", classes, "-cp", jars, ...files]);
}
