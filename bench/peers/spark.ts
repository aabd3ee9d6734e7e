import { readdirSync } from "node:fs";
import { join } from "node:path";
import { javaExecutable } from "../../dev/kafka/java.ts";
import { codecNames } from "../data/record-batch.ts";
import type { LatencyHeat } from "../latency/run.ts";
import { filledOnce, runTool } from "./folder.ts";
import { classPath, compileJava, fetchJars, pomProperty } from "./jvm.ts";
import type { Command, Peer } from "./peer.ts";

/** Apache Spark three times over: direct streams in Java, Structured Streaming, and Structured Streaming with Python functions. */

const here = join(import.meta.dirname, "spark");
const pom = join(here, "pom.xml");
const version = pomProperty(pom, "spark.version");
/** What Spark's own start script adds for Java 17. */
const opened = ["lang", "lang.invoke", "lang.reflect", "io", "net", "nio", "util", "util.concurrent"];
const javaOptions = [
  "-Xmx2g",
  ...opened.map((name) => `--add-opens=java.base/java.${name}=ALL-UNNAMED`),
  ...["sun.nio.ch", "sun.nio.cs", "sun.security.action", "sun.util.calendar"].map(
    (name) => `--add-opens=java.base/${name}=ALL-UNNAMED`,
  ),
  `-Dlog4j2.configurationFile=${join(here, "log4j2.properties")}`,
];

interface Spark {
  /** Holds the Python package, which brings Spark's jars. */
  readonly python: string;
  readonly jars: string;
  /** Of Maven: what reads Kafka. */
  readonly kafkaJars: string;
}

let installed: Promise<Spark> | undefined;

async function installSpark(onProgress: (line: string) => void): Promise<Spark> {
  await runTool("python3", ["-m", "pip", "--version"]);
  const python = await filledOnce(`pyspark-${version}`, async (folder) => {
    onProgress(`Fetching pyspark ${version} from PyPI (once, about 320 MB) ...`);
    await runTool("python3", ["-m", "pip", "install", "-q", "--target", folder, `pyspark==${version}`]);
  });
  const maven = await filledOnce(`spark-kafka-${version}`, async (folder) => {
    onProgress(`Fetching Spark's Kafka sources ${version} from Maven (once, about 61 MB) ...`);
    await fetchJars(pom, folder);
  });
  const jars = join(python, "pyspark", "jars");
  const there = new Set(readdirSync(jars));
  // Only what Spark lacks: its own versions of logging and Hadoop must come first.
  const missing = readdirSync(maven).filter((jar) => !there.has(jar) && /kafka|commons-pool2/.test(jar));
  return { python, jars: join(jars, "*"), kafkaJars: classPath(...missing.map((jar) => join(maven, jar))) };
}

const spark = (onProgress: (line: string) => void) => {
  installed ??= installSpark(onProgress);
  return installed;
};

export const sparkJava: Peer = {
  name: "spark-java",
  workloads: ["count", "words", "json", "window", "state", "copy"],
  codecs: codecNames,
  async prepare(onProgress) {
    const { python, jars, kafkaJars } = await spark(onProgress);
    const classes = join(python, "..", "spark-java-classes");
    const libraries = classPath(jars, kafkaJars);
    await compileJava([join(here, "java"), join(import.meta.dirname, "talk")], libraries, classes);
    return {
      versions: { spark: version },
      command: ({ bootstrap, topic, workload, threads, perPartition, batches }) => ({
        file: javaExecutable(),
        args: [
          ...javaOptions,
          ...["-cp", classPath(classes, libraries), "Main"],
          ...[bootstrap, topic, workload, threads, perPartition, batches].map(String),
        ],
      }),
    };
  },
};

/** How a Python program of ours is started: with Spark's package, and with the jars that read Kafka as its last argument. */
const pythonCommand = ({ python, kafkaJars }: Spark, program: string, args: readonly unknown[]): Command => ({
  file: "python3",
  args: [join(here, program), ...args.map(String), kafkaJars],
  env: {
    PYTHONPATH: python,
    PYTHONDONTWRITEBYTECODE: "1",
    SPARK_HOME: join(python, "pyspark"),
    SPARK_LOCAL_IP: "127.0.0.1",
  },
});

const python = (name: string, program: string, workloads: Peer["workloads"]): Peer => ({
  name,
  workloads,
  codecs: ["none"],
  async prepare(onProgress) {
    const installation = await spark(onProgress);
    const pythonVersion = (await runTool("python3", ["--version"])).trim().replace("Python ", "");
    return {
      versions: { spark: version, python: pythonVersion },
      command: ({ bootstrap, topic, workload, threads, records, batches }) =>
        pythonCommand(installation, program, [bootstrap, topic, workload, threads, records, batches]),
    };
  },
});

export const sparkStructured = python("spark-structured", "structured.py", ["count", "words", "json", "state", "copy"]);
export const pyspark = python("pyspark-functions", "functions.py", ["count", "words", "json"]);

/** Structured Streaming for the latency bench. @throws LeftOut */
export async function sparkLatency(onProgress: (line: string) => void): Promise<(heat: LatencyHeat) => Command> {
  const installation = await spark(onProgress);
  return (heat) => pythonCommand(installation, "latency.py", [JSON.stringify(heat)]);
}
