/** For tests of jobs and of sinks. */
export { type SinkUnderTest, sinkContract } from "./sink-contract.ts";
