/** Options that are wrong are refused where they are given, with what would be right. */
import { test } from "node:test";
import { defineJob, type JobContext, KafkaUtils, runJob, StreamingContext } from "millrace";
import { assertRefused } from "../helpers/assert-error.ts";
import { runGraph } from "../helpers/run-graph.ts";

const describe = (ssc: JobContext) => ssc.queueStream([[1]]).foreachRDD(() => {});
const define = (options: object) => defineJob({ appName: "bad", batchInterval: "1s", ...options } as never, describe);
const run = (options: object) => runJob(define({ master: "local", trigger: "availableNow" }), options as never);

test("an unknown option is named, with the one that was probably meant", async () => {
  await assertRefused(
    () => define({ batchIntervall: 5 }),
    "BAD_OPTION",
    /defineJob has no option "batchIntervall"/,
    /Did you mean "batchInterval"\? Known options: /,
  );
  await assertRefused(
    run({ taskMaxFailure: 5 }),
    "BAD_OPTION",
    /runJob has no option "taskMaxFailure"/,
    /Did you mean "taskMaxFailures"\?/,
  );
  await assertRefused(run({ Task_Timeout: 5 }), "BAD_OPTION", /"Task_Timeout"/, /Did you mean "taskTimeout"\?/);
  await assertRefused(
    run({ checkpointDir: "x" }),
    "BAD_OPTION",
    /"checkpointDir"/,
    /^Did you mean "checkpointDirectory"\?/,
  );
  await assertRefused(run({ colour: "red" }), "BAD_OPTION", /"colour"/, /^Known options: master, trigger/);
  await assertRefused(
    () => new StreamingContext({ appName: "x", batchDuration: 5 } as never),
    "BAD_OPTION",
    /StreamingContext has no option "batchDuration"/,
    /batchInterval/,
  );
  await assertRefused(
    runGraph((ssc) => void ssc.queueStream([[1]], { partitions: 2 } as never)),
    "BAD_OPTION",
    /queueStream has no option "partitions"/,
    /^Did you mean "numPartitions"\?/,
  );
  await assertRefused(
    runGraph((ssc) =>
      ssc
        .queueStream([["a", 1] as [string, number]])
        .map(() => ["a", 1])
        .reduceByKey((a) => a, { numPartition: 2 } as never)
        .pprint(),
    ),
    "BAD_OPTION",
    /reduceByKey has no option "numPartition"/,
    /Did you mean "numPartitions"\?/,
  );
});

test("names of options are not looked up in what all objects have", async () => {
  for (const name of ["toString", "constructor", "hasOwnProperty"]) {
    await assertRefused(run({ [name]: 1 }), "BAD_OPTION", new RegExp(`no option "${name}"`), /Known options/);
  }
});

test("an option that is undefined counts as not given", async () => {
  const running = await run({ taskTimeout: undefined, master: undefined, taskMaxFailures: undefined });
  await running.awaitTermination();
});

test("what must be given is asked for", async () => {
  await assertRefused(
    () => define({ appName: undefined }),
    "BAD_OPTION",
    /defineJob needs "appName"/,
    /appName: "page-views"/,
  );
  await assertRefused(
    () => define({ batchInterval: undefined }),
    "BAD_OPTION",
    /defineJob needs "batchInterval"/,
    /batchInterval: "1s"/,
  );
  await assertRefused(
    () => define({ appName: "" }),
    "BAD_OPTION",
    /"appName" must be a text that is not empty; it is ""/,
    /Correct "appName"/,
  );
  await assertRefused(
    () => defineJob(undefined as never, describe),
    "BAD_OPTION",
    /defineJob takes an object of options/,
    /Known options/,
  );
  await assertRefused(
    () => defineJob({ appName: "a", batchInterval: 20 }, undefined as never),
    "BAD_OPTION",
    /second argument of defineJob is undefined, not a function/,
    /builds the graph/,
  );
});

test("a bad duration is told with what a good one looks like", async () => {
  for (const [batchInterval, message, hint] of [
    ["1 second", /batchInterval is not a duration: "1 second"/, /Write "200ms", "1.5s", "10m" or "2h"/],
    ["", /batchInterval is not a duration: ""/, /"200ms"/],
    ["-1s", /not a duration: "-1s"/, /"200ms"/],
    [Number.NaN, /not a duration: /, /"200ms"/],
    [Number.POSITIVE_INFINITY, /not a duration: /, /"200ms"/],
    [{}, /not a duration: \{\}/, /"200ms"/],
    [null, /not a duration: null/, /"200ms"/],
    [
      1,
      /batchInterval must be from 20 ms to 24 h; it is 1 ms/,
      /A bare number counts milliseconds: for 1 seconds write "1s"/,
    ],
    ["19ms", /it is 19 ms/, /at least 20 ms/],
    [0, /it is 0 ms/, /at least 20 ms/],
    ["25h", /it is 25 h/, /at most 24 h/],
  ] as const) {
    await assertRefused(() => define({ batchInterval }), "BAD_OPTION", message, hint);
  }
  await assertRefused(run({ taskTimeout: "fast" }), "BAD_OPTION", /taskTimeout is not a duration: "fast"/, /"200ms"/);
  await assertRefused(run({ outputTimeout: 0 }), "BAD_OPTION", /outputTimeout must be from 1 ms/, /at least 1 ms/);
});

test("a bad value is told with the values that are good", async () => {
  await assertRefused(
    run({ master: "yarn" }),
    "BAD_OPTION",
    /"master" is "yarn"/,
    /"local", "local\[\*\]" or "local\[n\]" with n from 1 to 512/,
  );
  for (const master of ["local[0]", "local[513]", "local[two]", "local[]", 4]) {
    await assertRefused(run({ master }), "BAD_OPTION", /"master" is/, /local\[n\]/);
  }
  await assertRefused(
    run({ trigger: "once" }),
    "BAD_OPTION",
    /"trigger" must be one of "interval", "onData", "availableNow"; it is "once"/,
    /Correct "trigger"/,
  );
  await assertRefused(
    run({ taskMaxFailures: 0 }),
    "BAD_OPTION",
    /"taskMaxFailures" must be a whole number from 1 to 100; it is 0/,
    /Correct/,
  );
  await assertRefused(
    run({ executorMemory: "1g" }),
    "BAD_OPTION",
    /"executorMemory" must be a whole number .*; it is "1g"/,
    /Correct/,
  );
  await assertRefused(
    run({ logger: {} }),
    "BAD_OPTION",
    /"logger" must have the methods debug, info, warn and error/,
    /Correct/,
  );
  await assertRefused(
    run({ handleSignals: "yes" }),
    "BAD_OPTION",
    /"handleSignals" must be true or false; it is "yes"/,
    /Correct/,
  );
  await assertRefused(
    () => new StreamingContext({ appName: "x", batchInterval: 20, handleSignals: 1 } as never),
    "BAD_OPTION",
    /StreamingContext: "handleSignals" must be true or false; it is 1/,
    /Correct/,
  );
});

test("rates that are none, or contradict each other, are refused", async () => {
  const shape = /must be a whole number of at least 1, or such numbers by topic, or by topic and partition; it is/;
  for (const rates of [
    0,
    1.5,
    "fast",
    null,
    [5],
    { t: 0 },
    { t: { 0: "fast" } },
    { t: { "-1": 5 } },
    { t: null },
    {},
    { t: {} },
  ]) {
    await assertRefused(run({ maxRatePerPartition: rates }), "BAD_OPTION", shape, /Correct "maxRatePerPartition"/);
    await assertRefused(run({ minRatePerPartition: rates }), "BAD_OPTION", shape, /Correct "minRatePerPartition"/);
  }
  for (const [min, max, where] of [
    [10, 9, /minRatePerPartition is 10, but maxRatePerPartition is 9\./],
    [10, { t: 9 }, /is 10 for t, but maxRatePerPartition is 9\./],
    [{ t: { 3: 10 } }, { t: 9 }, /is 10 for t-3, but maxRatePerPartition is 9\./],
    [{ t: 10 }, { t: { 3: 9 } }, /is 10 for t-3, but maxRatePerPartition is 9\./],
  ] as const) {
    const contradiction = run({ minRatePerPartition: min, maxRatePerPartition: max });
    await assertRefused(contradiction, "BAD_OPTION", where, /must not be above/);
  }
  const fine = await run({ minRatePerPartition: { t: 5 }, maxRatePerPartition: { u: 4 } });
  await fine.awaitTermination();
});

test("backpressure is on, off, or has options of its own", async () => {
  await assertRefused(run({ backpressure: 1000 }), "BAD_OPTION", /"backpressure" must be true, false or {/, /Correct/);
  await assertRefused(
    run({ backpressure: { initalRate: 5 } }),
    "BAD_OPTION",
    /backpressure has no option "initalRate"/,
    /Did you mean "initialRate"/,
  );
  await assertRefused(
    run({ backpressure: { initialRate: 0 } }),
    "BAD_OPTION",
    /backpressure: "initialRate" must be a whole number of at least 1; it is 0/,
    /Correct/,
  );
  await assertRefused(
    run({ backpressure: { integral: -1 } }),
    "BAD_OPTION",
    /backpressure: "integral" must be a number from 0 to 100; it is -1/,
    /Correct/,
  );
});

test("params that are no plain data are refused with their path", async () => {
  await assertRefused(
    () => define({ params: { db: { connect: () => 1 } } }),
    "NOT_CLONEABLE",
    /params\.db\.connect is a function/,
    /plain data/,
  );
  await assertRefused(
    run({ params: { when: new (class Clock {})() } }),
    "NOT_CLONEABLE",
    /params\.when is an instance of Clock/,
    /plain data/,
  );
});

test("runJob takes a job or where one is", async () => {
  await assertRefused(
    runJob(42 as never),
    "BAD_OPTION",
    /runJob takes a job, or the URL or path of its module/,
    /defineJob returned/,
  );
  await assertRefused(runJob({ appName: "x" } as never), "BAD_OPTION", /runJob takes a job/, /new URL/);
});

test("a job on threads needs to say where it is", async () => {
  await assertRefused(
    runJob(define({ master: "local[2]" }) as never),
    "JOB_WITHOUT_MODULE",
    /Executors cannot import job "bad"/,
    /module: import\.meta\.url.*millrace run.*master: "local"/,
  );
});

test("a checkpoint in a database where no server listens is told at once, before a broker is asked", async () => {
  const job = defineJob({ appName: "bad", batchInterval: "1s", master: "local" }, (ssc) =>
    KafkaUtils.createDirectStream(ssc, ["any"], { "bootstrap.servers": "127.0.0.1:1" }).foreachRDD(() => {}),
  );
  await assertRefused(
    runJob(job, { checkpointDirectory: "postgres://somebody:secret@127.0.0.1:1/jobs#orders" }),
    "CHECKPOINT_UNUSABLE",
    /^The checkpoint in postgres:\/\/(?!.*secret).*127\.0\.0\.1:1\/jobs#orders cannot be used: connect ECONNREFUSED/,
    /No server listens there/,
  );
});
