/** Where crash can strike. */
export type { Border } from "../driver/probe.ts";
export type { TestRecord } from "./broker/memory-topics.ts";
export type { Fault } from "./faults.ts";
/** A piece of a graph over plain batches. */
export { type Batches, type NamedStreams, type PipelineOptions, runPipeline } from "./run-pipeline.ts";
/** The suite that every sink must pass. */
export { type SinkUnderTest, sinkContract } from "./sink-contract.ts";
/** A whole job on topics in memory and a clock you hold. */
export { type TestJobOptions, type TestTopic, testJob } from "./test-job.ts";
export type { TestRun } from "./test-run.ts";
