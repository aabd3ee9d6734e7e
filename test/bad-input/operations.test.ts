/** Whatever a method is given that makes no sense is refused where it is given: BAD_OPTION with a hint, never an error from inside. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  type DStream,
  defineJob,
  type JobContext,
  json,
  KafkaUtils,
  MillraceError,
  nullable,
  type RDD,
  required,
  resource,
  StreamingContext,
} from "millrace";
import { defineSink, files, kafka, postgres, sqlite } from "millrace/sinks";
import { runPipeline, testJob } from "millrace/testing";

interface Places {
  readonly ssc: JobContext;
  readonly stream: DStream<[string, number]>;
  readonly rdd: RDD<[string, number]>;
}

/** A call with one argument that is left open. */
type Call = (places: Places, wrong: never) => unknown;

interface Kind {
  readonly wrong: readonly unknown[];
  readonly calls: { readonly [name: string]: Call };
}

const add = (a: number, b: number) => a + b;
const none = () => undefined;
const brokers = { "bootstrap.servers": "nowhere.invalid:9092" } as const;
const window = { name: "w", window: "1s" } as const;
const job = defineJob({ appName: "bad", batchInterval: "1s" }, (ssc) => ssc.queueStream([[1]]).pprint());

const kinds: { readonly [kind: string]: Kind } = {
  "no function": {
    wrong: [undefined, null, 5, "f", {}, 1n, Symbol("f"), Promise.resolve()],
    calls: {
      map: ({ stream }, f) => stream.map(f),
      flatMap: ({ stream }, f) => stream.flatMap(f),
      filter: ({ stream }, f) => stream.filter(f),
      mapAsync: ({ stream }, f) => stream.mapAsync(f),
      mapPartitions: ({ stream }, f) => stream.mapPartitions(f),
      reduce: ({ stream }, f) => stream.reduce(f),
      transform: ({ stream }, f) => stream.transform(f),
      transformWith: ({ stream }, f) => stream.transformWith(stream, f),
      mapValues: ({ stream }, f) => stream.mapValues(f),
      flatMapValues: ({ stream }, f) => stream.flatMapValues(f),
      reduceByKey: ({ stream }, f) => stream.reduceByKey(f),
      "combineByKey, create": ({ stream }, f) => stream.combineByKey(f, add, add),
      "combineByKey, mergeValue": ({ stream }, f) => stream.combineByKey((n) => n, f, add),
      "combineByKey, mergeCombiners": ({ stream }, f) => stream.combineByKey((n) => n, add, f),
      reduceByWindow: ({ stream }, f) => stream.reduceByWindow(f, window),
      reduceByKeyAndWindow: ({ stream }, f) => stream.reduceByKeyAndWindow(f, window),
      updateStateByKey: ({ stream }, f) => stream.updateStateByKey(f, { name: "s" }),
      mapWithState: ({ stream }, f) => stream.mapWithState(f, { name: "s" }),
      foreachRDD: ({ stream }, f) => stream.foreachRDD(f),
      foreachPartition: ({ stream }, f) => stream.foreachPartition(f),
      "map of an RDD": ({ rdd }, f) => rdd.map(f),
      "flatMap of an RDD": ({ rdd }, f) => rdd.flatMap(f),
      "filter of an RDD": ({ rdd }, f) => rdd.filter(f),
      "mapAsync of an RDD": ({ rdd }, f) => rdd.mapAsync(f),
      "mapPartitions of an RDD": ({ rdd }, f) => rdd.mapPartitions(f),
      "mapValues of an RDD": ({ rdd }, f) => rdd.mapValues(f),
      "flatMapValues of an RDD": ({ rdd }, f) => rdd.flatMapValues(f),
      "reduceByKey of an RDD": ({ rdd }, f) => rdd.reduceByKey(f),
      "combineByKey of an RDD": ({ rdd }, f) => rdd.combineByKey((n) => n, f, add),
      keyBy: ({ rdd }, f) => rdd.keyBy(f),
      "aggregateByKey, add": ({ rdd }, f) => rdd.aggregateByKey(0, f, add),
      "aggregateByKey, merge": ({ rdd }, f) => rdd.aggregateByKey(0, add, f),
      foldByKey: ({ rdd }, f) => rdd.foldByKey(0, f),
      sortBy: ({ rdd }, f) => rdd.sortBy(f),
      "reduce of an RDD": ({ rdd }, f) => rdd.reduce(f),
      "aggregate, add": ({ rdd }, f) => rdd.aggregate(0, f, add),
      "aggregate, merge": ({ rdd }, f) => rdd.aggregate(0, none as never, f),
      "transform of several": ({ ssc, stream }, f) => ssc.transform([stream], f),
      broadcast: ({ ssc }, f) => ssc.broadcast(f),
      onDriver: ({ ssc }, f) => ssc.onDriver(f),
      resource: (_, f) => resource(f),
      defineJob: (_, f) => defineJob({ appName: "a", batchInterval: "1s" }, f),
      runPipeline: (_, f) => runPipeline([[1]], f),
      required: (_, f) => required(f),
      nullable: (_, f) => nullable(f),
    },
  },
  "no function, where there may be none": {
    wrong: [null, 5, "f", {}, 1n],
    calls: {
      "takeOrdered, key": ({ rdd }, key) => rdd.takeOrdered(1, key),
      "top, key": ({ rdd }, key) => rdd.top(1, key),
      partitioner: ({ stream }, partitioner) => stream.groupByKey({ partitioner }),
      "partitionBy, partitioner": ({ stream }, partitioner) => stream.partitionBy(2, partitioner),
      "reduceByWindow, inverse": ({ stream }, inverse) => stream.reduceByWindow(none as never, { ...window, inverse }),
      "reduceByKeyAndWindow, inverse": ({ stream }, inverse) =>
        stream.reduceByKeyAndWindow(add, { ...window, inverse }),
      "reduceByKeyAndWindow, filter": ({ stream }, filter) => stream.reduceByKeyAndWindow(add, { ...window, filter }),
      "resource, close": (_, close) => resource(none, close),
      "json, schema": (_, schema) => json(schema),
    },
  },
  "no count": {
    wrong: [null, 0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "3", {}, 3n],
    calls: {
      repartition: ({ stream }, n) => stream.repartition(n),
      "repartition of an RDD": ({ rdd }, n) => rdd.repartition(n),
      partitionBy: ({ stream }, n) => stream.partitionBy(n),
      "partitionBy of an RDD": ({ rdd }, n) => rdd.partitionBy(n),
      "groupByKey, numPartitions": ({ stream }, numPartitions) => stream.groupByKey({ numPartitions }),
      "mapAsync, concurrency": ({ stream }, concurrency) => stream.mapAsync(async (n) => n, { concurrency }),
      "queueStream, numPartitions": ({ ssc }, numPartitions) => ssc.queueStream([], { numPartitions }),
      "parallelize, numPartitions": ({ ssc }, numPartitions) => ssc.parallelize([], { numPartitions }),
      "updateStateByKey, numPartitions": ({ stream }, numPartitions) =>
        stream.updateStateByKey(none as never, { name: "s", numPartitions }),
      "createDirectStream, minPartitions": ({ ssc }, minPartitions) =>
        KafkaUtils.createDirectStream(ssc, ["t"], brokers, { minPartitions }),
    },
  },
  "no count, zero being one": {
    wrong: [null, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "3", {}, 3n],
    calls: {
      pprint: ({ stream }, n) => stream.pprint(n),
      takeOrdered: ({ rdd }, n) => rdd.takeOrdered(n),
      top: ({ rdd }, n) => rdd.top(n),
      "an offset": ({ ssc }, fromOffset) =>
        KafkaUtils.createRDD(ssc, brokers, [{ topic: "t", partition: 0, fromOffset, untilOffset: 5 }]),
      startingTimestamp: ({ ssc }, startingTimestamp) =>
        KafkaUtils.createDirectStream(ssc, ["t"], brokers, { startingTimestamp }),
    },
  },
  "no duration": {
    wrong: [null, 0, -1, Number.NaN, Number.POSITIVE_INFINITY, "1 second", "", "-1s", "1d", {}, 1000n],
    calls: {
      window: ({ stream }, duration) => stream.window(duration),
      "window, slide": ({ stream }, slide) => stream.window("1s", slide),
      "countByWindow, window": ({ stream }, duration) => stream.countByWindow({ name: "w", window: duration }),
      "countByWindow, slide": ({ stream }, slide) => stream.countByWindow({ ...window, slide }),
      "mapWithState, timeout": ({ stream }, timeout) => stream.mapWithState(none, { name: "s", timeout }),
      "broadcast, refresh": ({ ssc }, refresh) => ssc.broadcast(none, { refresh }),
      batchInterval: (_, batchInterval) => defineJob({ appName: "a", batchInterval }, () => {}),
      taskTimeout: (_, taskTimeout) => defineJob({ appName: "a", batchInterval: "1s", taskTimeout }, () => {}),
    },
  },
  "no object of options": {
    wrong: [null, 5, "x", [], none, { colour: "red" }, 1n],
    calls: {
      mapAsync: ({ stream }, options) => stream.mapAsync(async (n) => n, options),
      countByValue: ({ stream }, options) => stream.countByValue(options),
      reduceByKey: ({ stream }, options) => stream.reduceByKey(add, options),
      combineByKey: ({ stream }, options) => stream.combineByKey((n) => n, add, add, options),
      groupByKey: ({ stream }, options) => stream.groupByKey(options),
      join: ({ stream }, options) => stream.join(stream, options),
      cogroup: ({ stream }, options) => stream.cogroup(stream, options),
      countByWindow: ({ stream }, options) => stream.countByWindow(options),
      countByValueAndWindow: ({ stream }, options) => stream.countByValueAndWindow(options),
      groupByKeyAndWindow: ({ stream }, options) => stream.groupByKeyAndWindow(options),
      reduceByWindow: ({ stream }, options) => stream.reduceByWindow(none as never, options),
      reduceByKeyAndWindow: ({ stream }, options) => stream.reduceByKeyAndWindow(add, options),
      updateStateByKey: ({ stream }, options) => stream.updateStateByKey(none as never, options),
      mapWithState: ({ stream }, options) => stream.mapWithState(none, options),
      foreachRDD: ({ stream }, options) => stream.foreachRDD(() => {}, options),
      foreachPartition: ({ stream }, options) => stream.foreachPartition(() => {}, options),
      saveTo: ({ stream }, options) => stream.saveTo(files({ directory: "out" }), options),
      sample: ({ rdd }, options) => rdd.sample(options),
      sortBy: ({ rdd }, options) => rdd.sortBy(() => 1, options),
      sortByKey: ({ rdd }, options) => rdd.sortByKey(options),
      distinct: ({ rdd }, options) => rdd.distinct(options),
      intersection: ({ rdd }, options) => rdd.intersection(rdd, options),
      queueStream: ({ ssc }, options) => ssc.queueStream([], options),
      parallelize: ({ ssc }, options) => ssc.parallelize([], options),
      broadcast: ({ ssc }, options) => ssc.broadcast(none, options),
      createDirectStream: ({ ssc }, options) => KafkaUtils.createDirectStream(ssc, ["t"], brokers, options),
      kafkaParams: ({ ssc }, kafkaParams) => KafkaUtils.createDirectStream(ssc, ["t"], kafkaParams),
      createRDD: ({ ssc }, options) => KafkaUtils.createRDD(ssc, brokers, [], options),
      defineJob: (_, options) => defineJob(options, () => {}),
      StreamingContext: (_, options) => new StreamingContext(options),
      runPipeline: (_, options) => runPipeline([[1]], (numbers) => numbers, options),
      testJob: (_, options) => testJob(job, options),
      "a topic of testJob": (_, t) => testJob(job, { topics: { t } }),
      kafka: (_, options) => kafka(options),
      postgres: (_, options) => postgres(options),
      sqlite: (_, options) => sqlite(options),
      files: (_, options) => files(options),
      "stop of a job": ({ ssc }, options) => (ssc as StreamingContext).stop(options),
    },
  },
  "no object": {
    wrong: [null, 5, "x", [], 1n],
    calls: {
      params: (_, params) => defineJob({ appName: "a", batchInterval: "1s", params }, () => {}),
      "params of testJob": (_, params) => testJob(job, { topics: {}, params }),
      "fromOffsets of testJob": (_, fromOffsets) => testJob(job, { topics: {}, fromOffsets }),
      fromOffsets: ({ ssc }, fromOffsets) => KafkaUtils.createDirectStream(ssc, ["t"], brokers, { fromOffsets }),
      "a topic of fromOffsets": ({ ssc }, t) =>
        KafkaUtils.createDirectStream(ssc, ["t"], brokers, { fromOffsets: { t } }),
      addStreamingListener: ({ ssc }, listener) => ssc.addStreamingListener(listener),
      defineSink: (_, definition) => defineSink(definition),
      keyDecoder: ({ ssc }, keyDecoder) => KafkaUtils.createDirectStream(ssc, ["t"], brokers, { keyDecoder }),
    },
  },
  "no stream and no RDD": {
    wrong: [undefined, null, 5, "x", {}, [], none, 1n],
    calls: {
      union: ({ stream }, other) => stream.union(other),
      "union of an RDD": ({ rdd }, other) => rdd.union(other),
      "union of several": ({ ssc, stream }, other) => ssc.union(stream, other),
      "transform of several": ({ ssc, stream }, other) => ssc.transform([stream, other], ([one]) => one),
      "transform of none": ({ ssc }, streams) => ssc.transform(streams, none as never),
      transformWith: ({ stream }, other) => stream.transformWith(other, none as never),
      join: ({ stream }, other) => stream.join(other),
      leftOuterJoin: ({ stream }, other) => stream.leftOuterJoin(other),
      rightOuterJoin: ({ stream }, other) => stream.rightOuterJoin(other),
      fullOuterJoin: ({ stream }, other) => stream.fullOuterJoin(other),
      cogroup: ({ stream }, other) => stream.cogroup(other),
      subtract: ({ rdd }, other) => rdd.subtract(other),
      subtractByKey: ({ rdd }, other) => rdd.subtractByKey(other),
      intersection: ({ rdd }, other) => rdd.intersection(other),
      saveTo: ({ stream }, sink) => stream.saveTo(sink, { name: "out" }),
      createDirectStream: (_, ssc) => KafkaUtils.createDirectStream(ssc, ["t"], brokers),
      createRDD: (_, ssc) => KafkaUtils.createRDD(ssc, brokers, []),
      testJob: (_, given) => testJob(given, { topics: {} }),
    },
  },
  "no values": {
    wrong: [undefined, null, 5, {}, none, 1n],
    calls: {
      queueStream: ({ ssc }, batches) => ssc.queueStream(batches),
      "a batch of queueStream": ({ ssc }, batch) => ssc.queueStream([[1], batch]),
      parallelize: ({ ssc }, values) => ssc.parallelize(values),
      "a batch of runPipeline": (_, batch) => runPipeline([[1], batch], (numbers) => numbers as never),
      "an input of runPipeline": (_, numbers) => runPipeline({ numbers } as never, none as never),
    },
  },
  "no text": {
    wrong: [null, 5, "", {}, [], none, 1n],
    calls: {
      textFileStream: ({ ssc }, directory) => ssc.textFileStream(directory),
      accumulator: ({ ssc }, name) => ssc.accumulator(name),
      saveAsTextFiles: ({ stream }, prefix) => stream.saveAsTextFiles(prefix),
      appName: (_, appName) => defineJob({ appName, batchInterval: "1s" }, () => {}),
      "name of a state": ({ stream }, name) => stream.updateStateByKey(none as never, { name }),
      "name of an output": ({ stream }, name) => stream.foreachRDD(() => {}, { name }),
      topics: ({ ssc }, topic) => KafkaUtils.createDirectStream(ssc, [topic], brokers),
      master: (_, master) => defineJob({ appName: "a", batchInterval: "1s", master }, () => {}),
    },
  },
};

/** A place for each call: what was refused must not have left anything, but that is not what is tested here. */
function places(): Places {
  const ssc = new StreamingContext({ appName: "bad", batchInterval: "1s" });
  return { ssc, stream: ssc.queueStream<[string, number]>([]), rdd: ssc.parallelize<[string, number]>([]) };
}

for (const [kind, { wrong, calls }] of Object.entries(kinds)) {
  describe(kind, () => {
    for (const [name, call] of Object.entries(calls)) {
      test(`${kind}, given to ${name}, is a BAD_OPTION with a hint`, async () => {
        for (const value of wrong) {
          const told = await Promise.resolve()
            .then(() => call(places(), value as never))
            .then(
              () => assert.fail(`${String(value)} was accepted`),
              (error: unknown) => error,
            );
          if (!MillraceError.is(told)) throw told;
          assert.equal(told.code, "BAD_OPTION", told.message);
          assert.match(told.message, /[a-zA-Z].* .*\.$/);
          assert.notEqual(told.hint, "");
        }
      });
    }
  });
}

test("streams and RDDs of another context, or of inside a transform, are refused where they would meet", async () => {
  const refused = {
    code: "BAD_OPTION",
    message: /was given a stream or RDD of another context, or one of inside a transform/,
  };
  const [one, other] = [places(), places()];
  assert.throws(() => one.stream.union(other.stream), refused);
  assert.throws(() => one.stream.join(other.stream), refused);
  assert.throws(() => one.ssc.union(one.stream, other.stream), refused);
  assert.throws(() => one.rdd.subtract(other.rdd), refused);
  assert.throws(() => one.stream.transformWith(other.stream, (rdd) => rdd), refused);
  assert.throws(() => one.stream.updateStateByKey(none as never, { name: "s", initialState: other.rdd }), refused);
});

test("mapPartitions says what its function must return", async () => {
  for (const wrong of [() => 5, () => [5], () => null, function* () {}]) {
    const run = runPipeline([[1]], (numbers) => numbers.mapPartitions(wrong as never));
    await assert.rejects(run, {
      code: "TASK_FAILED",
      message: /returned \w+, not an async iterable; write it as async function\*/,
    });
  }
});

test("an option that is spelled wrong is told with the one that was meant, whatever it is given to", async () => {
  const misspelled: { readonly [right: string]: Call } = {
    concurrency: ({ stream }) => stream.mapAsync(async (n) => n, { concurency: 3 } as never),
    numPartitions: ({ stream }) => stream.join(stream, { numPartitons: 3 } as never),
    partitioner: ({ stream }) => stream.groupByKey({ partitionr: add } as never),
    window: ({ stream }) => stream.countByWindow({ name: "w", windw: "1s" } as never),
    slide: ({ stream }) => stream.groupByKeyAndWindow({ ...window, slid: "1s" } as never),
    inverse: ({ stream }) => stream.reduceByWindow(none as never, { ...window, invers: add } as never),
    filter: ({ stream }) => stream.reduceByKeyAndWindow(add, { ...window, Filter: none } as never),
    timeout: ({ stream }) => stream.mapWithState(none, { name: "s", timeOut: "1s" } as never),
    initialState: ({ stream }) => stream.updateStateByKey(none as never, { name: "s", initialstate: 1 } as never),
    fraction: ({ rdd }) => rdd.sample({ fractions: 1 } as never),
    ascending: ({ rdd }) => rdd.sortBy(() => 1, { acsending: true } as never),
    oneAtATime: ({ ssc }) => ssc.queueStream([], { oneAtAtime: true } as never),
    refresh: ({ ssc }) => ssc.broadcast(none, { refrsh: "1s" } as never),
    valueDecoder: ({ ssc }) => KafkaUtils.createDirectStream(ssc, ["t"], brokers, { valueDecodr: none } as never),
    "auto.offset.reset": ({ ssc }) => KafkaUtils.createDirectStream(ssc, ["t"], { "auto.ofset.reset": 1 } as never),
    batchInterval: () => runPipeline([], (s) => s, { batchIntervall: "1s" } as never),
    topics: () => testJob(job, { topic: {} } as never),
    directory: () => files({ directry: "out" } as never),
    graceful: ({ ssc }) => (ssc as StreamingContext).stop({ gracefull: true } as never),
  };
  for (const [right, call] of Object.entries(misspelled)) {
    await assert.rejects(
      async () => call(places(), undefined as never),
      (error) => {
        assert(MillraceError.is(error, "BAD_OPTION"), String(error));
        assert.match(error.hint, new RegExp(`^Did you mean "${right.replaceAll(".", "\\.")}"\\? Known options: `));
        return true;
      },
    );
  }
});
