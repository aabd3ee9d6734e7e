import { MemoryDisk } from "../checkpoint/memory-disk.ts";
import type { Border } from "../driver/probe.ts";
import { streamsOf } from "../driver/streams.ts";
import type { Job } from "../job/job.ts";
import { type Master, resolveOptions } from "../job/options.ts";
import { driverOf, type JobDriverParts } from "../job-driver.ts";
import type { Time } from "../model/duration.ts";
import { assert, MillraceError } from "../model/errors.ts";
import type { BatchInfo } from "../model/events.ts";
import { isInteger } from "../model/options.ts";
import type { MemoryBroker } from "./broker/memory-broker.ts";
import type { MemoryTopic, TestRecord } from "./broker/memory-topics.ts";
import { CapturedOutputs } from "./captured-outputs.ts";
import { DriverUnderTest } from "./driver-under-test.ts";
import { type Fault, type Faults, FaultyExecutor } from "./faults.ts";
import { HeldClock } from "./held-clock.ts";
import { stateInMemory } from "./state-in-memory.ts";

interface TestRunOptions {
  readonly params: object | undefined;
  readonly master: Master;
}

/** A job under test: one driver after the other, on the same topics, clock and checkpoint. Made by testJob. */
export class TestRun implements AsyncDisposable {
  readonly #topics: ReadonlyMap<string, MemoryTopic>;
  readonly #broker: MemoryBroker;
  readonly #options: TestRunOptions;
  readonly #clock = new HeldClock();
  readonly #disk = new MemoryDisk();
  readonly #outputs = new CapturedOutputs();
  readonly #faults: Faults = { task: 0, executor: 0 };
  #job: Job | undefined;
  #driver: DriverUnderTest | undefined;

  /** Not for users. */
  constructor(topics: ReadonlyMap<string, MemoryTopic>, broker: MemoryBroker, options: TestRunOptions) {
    this.#topics = topics;
    this.#broker = broker;
    this.#options = options;
  }

  /** Milliseconds. Starts at 0; each `tick` goes on to the next multiple of the batch interval. */
  get now(): Time {
    return this.#clock.now();
  }

  /** Writes records, for the batches after this. @throws BAD_OPTION for a topic that there is not */
  send(topic: string, records: readonly TestRecord[]): void {
    const found = this.#topics.get(topic);
    if (found === undefined) {
      throw new MillraceError("BAD_OPTION", `Records were sent to "${topic}", which is not in the topics of testJob.`, {
        hint: `There ${this.#topics.size === 0 ? "are none" : `is ${[...this.#topics.keys()].map((name) => `"${name}"`).join(", ")}`}. Add it: { topics: { "${topic}": {} } }.`,
      });
    }
    for (const record of records) found.append(record, this.now);
  }

  /**
   * One batch: the next one, or after a restart the one that was under way, by its plan and at its time. Rejects with what
   * `awaitTermination` would; the job is then down, until `restart`.
   */
  async tick(): Promise<BatchInfo> {
    return this.#running("tick").nextBatch();
  }

  /**
   * What `saveTo`, or a `foreachRDD` or `foreachPartition` with that name, got in the last batch. `saveTo` as its sink would hold it: a
   * batch that runs again adds nothing. The functions of the others run as always. @throws BAD_OPTION
   */
  output<T>(name: string): T[] {
    assert(this.#driver !== undefined, "a test run without a driver");
    return this.#outputs.of(name, this.#driver.context.graph.outputs) as T[];
  }

  /** A state of mapWithState or updateStateByKey, as the last completed batch has left it. @throws BAD_OPTION */
  state<K, S>(name: string): Map<K, S> {
    assert(this.#driver !== undefined, "a test run without a driver");
    return stateInMemory(name, this.#driver.context.graph, this.#disk) as Map<K, S>;
  }

  /** The next tasks fail when they have done their work, or their executor dies. @throws BAD_OPTION */
  fail(what: Fault, times = 1): void {
    const wrong = Object.hasOwn(this.#faults, what) ? isInteger(1)(times) : 'must be "task" or "executor"';
    if (wrong !== undefined) {
      throw new MillraceError("BAD_OPTION", `fail(${JSON.stringify(what)}, ${times}): it ${wrong}.`, {
        hint: 'For example fail("task"), or fail("executor", 2).',
      });
    }
    this.#faults[what] += times;
  }

  /**
   * The driver dies at that border of the next batch, as of SIGKILL: what comes after has not happened, and nobody was told. Rejects
   * with the job's own failure when that comes first. @returns what it died of
   */
  async crash(at: Border): Promise<MillraceError> {
    return this.#running("crash").dieAt(at);
  }

  /**
   * A new driver goes on from the checkpoint: after a crash, after a failure, or, when the job runs, after a graceful stop. Another
   * version of the job can take over. @throws what starting it throws
   */
  async restart(job: Job | undefined = this.#job): Promise<void> {
    assert(job !== undefined, "a test run without a job");
    await this.#driver?.stop();
    this.#job = job;
    this.#driver = this.#newDriver(job);
    try {
      await this.#driver.start();
    } catch (error) {
      throw MillraceError.is(error, "TOPIC_NOT_FOUND") ? notInTopics(error, [...this.#topics.keys()]) : error;
    }
  }

  /** Stops the job. @throws what made it fail, unless tick has told it */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#driver?.stop();
    } finally {
      await this.#broker[Symbol.asyncDispose]();
    }
    this.#driver?.throwUntoldFailure();
  }

  #running(method: string): DriverUnderTest {
    assert(this.#driver !== undefined, "a test run without a driver");
    this.#driver.refuseUnlessIdle(method);
    return this.#driver;
  }

  #newDriver(job: Job): DriverUnderTest {
    const { params, master } = this.#options;
    const given = { ...job.options, master, trigger: "interval", checkpointDirectory: undefined } as const;
    const under = new DriverUnderTest(this.#clock, this.#outputs);
    const parts: JobDriverParts = {
      job,
      module: job.module,
      params: { ...(job.params as object), ...params },
      options: resolveOptions("testJob", given),
      clock: this.#clock,
      openStore: async () => this.#disk.store(),
      probe: under,
      brokers: this.#broker.address,
      wrapExecutor: (executor) => new FaultyExecutor(executor, this.#faults),
    };
    const planned = driverOf(parts);
    const canRestart = streamsOf(planned.context).every(({ offsets }) => offsets);
    const { driver, context } = canRestart ? planned : driverOf({ ...parts, openStore: undefined });
    under.attach(driver, context);
    return under;
  }
}

function notInTopics({ message, at, cause }: MillraceError, topics: readonly string[]): MillraceError {
  const name = at.topic ?? "orders";
  return new MillraceError("TOPIC_NOT_FOUND", message, {
    hint: `testJob has ${topics.length === 0 ? "no topics" : topics.map((topic) => `"${topic}"`).join(", ")}. Add the one that the job reads: { topics: { "${name}": {} } }.`,
    at,
    cause,
  });
}
