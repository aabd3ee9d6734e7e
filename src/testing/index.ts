/** A piece of a graph over plain batches. */
export { type Batches, type NamedStreams, type PipelineOptions, runPipeline } from "./run-pipeline.ts";
/** The suite that every sink must pass. */
export { type SinkUnderTest, sinkContract } from "./sink-contract.ts";
