/** What the types of streams give and refuse. Compiled by `npm run check`, never run. */
import {
  type Accumulator,
  type BatchRDD,
  type Broadcast,
  type ConsumerRecord,
  type DStream,
  type JobContext,
  json,
  KafkaUtils,
  nullable,
  type RDD,
  required,
  type State,
  type StatefulDStream,
  utf8,
} from "millrace";
import { expectType } from "./expect-type.ts";

interface PageView {
  user: string;
  page: string;
  country: string;
  ms: number;
}

const brokers = { "bootstrap.servers": "localhost:9092" } as const;

export function aDirectStreamIsTypedByItsDecoders(ssc: JobContext): void {
  expectType<DStream<ConsumerRecord<string | null, string | null>>>().of(
    KafkaUtils.createDirectStream(ssc, ["a"], brokers),
  );
  expectType<DStream<ConsumerRecord<string | null, PageView>>>().of(
    KafkaUtils.createDirectStream(ssc, ["a"], brokers, { valueDecoder: json<PageView>() }),
  );
  expectType<DStream<ConsumerRecord<string, PageView | null>>>().of(
    KafkaUtils.createDirectStream(ssc, /a/, brokers, {
      keyDecoder: required(utf8),
      valueDecoder: nullable(json<PageView>()),
    }),
  );
  expectType<DStream<ConsumerRecord<string | null, number>>>().of(
    KafkaUtils.createDirectStream(ssc, [{ topic: "a", partition: 0 }], brokers, {
      valueDecoder: (bytes) => bytes?.length ?? 0,
    }),
  );
  // @ts-expect-error A broker list is a text, as in Kafka.
  KafkaUtils.createDirectStream(ssc, ["a"], { "bootstrap.servers": ["localhost:9092"] });
  // @ts-expect-error Kafka has no such parameter.
  KafkaUtils.createDirectStream(ssc, ["a"], { "bootstrap.server": "localhost:9092" });
}

export function aQueueIsTypedByItsValues(ssc: JobContext): void {
  expectType<DStream<{ a: number }>>().of(ssc.queueStream([[{ a: 1 }], []]));
  expectType<DStream<string>>().of(ssc.queueStream([new Set(["a"])]));
}

export function anArrayOfTwoIsAPair(views: DStream<PageView>): void {
  const pairs = views.map((view) => [view.country, 1]);
  expectType<DStream<[string, number]>>().of(pairs);
  expectType<DStream<[string, number]>>().of(pairs.reduceByKey((a, b) => a + b));
  expectType<DStream<[string, number[]]>>().of(pairs.groupByKey());
  expectType<DStream<[string, boolean]>>().of(pairs.mapValues((n) => n > 1));
  expectType<DStream<[string, Set<number>]>>().of(
    pairs.combineByKey(
      (n) => new Set([n]),
      (seen, n) => seen.add(n),
      (a, b) => a.union(b),
    ),
  );
  expectType<DStream<[string, number]>>().of(views.flatMap((view) => view.page.split("/").map((part) => [part, 1])));
}

export function anOuterSideMayBeUndefined(
  ages: DStream<[string, number]>,
  cities: DStream<readonly [string, { city: string }]>,
  byId: DStream<[number, string]>,
): void {
  type City = { city: string };
  expectType<DStream<[string, [number, City]]>>().of(ages.join(cities));
  expectType<DStream<[string, [number, City | undefined]]>>().of(ages.leftOuterJoin(cities));
  expectType<DStream<[string, [number | undefined, City]]>>().of(ages.rightOuterJoin(cities));
  expectType<DStream<[string, [number | undefined, City | undefined]]>>().of(ages.fullOuterJoin(cities));
  expectType<DStream<[string, [number[], City[]]]>>().of(ages.cogroup(cities));
  ages.join(cities, { numPartitions: 3, partitioner: (key) => key.length });
  // @ts-expect-error Keys of different types never meet.
  ages.join(byId);
  // @ts-expect-error The key is a text.
  ages.join(cities, { partitioner: (key: number) => key });
  // @ts-expect-error Without the check for undefined.
  ages.leftOuterJoin(cities).map(([, [, { city }]]) => city);
}

export function severalStreamsBecomeOne(
  ssc: JobContext,
  views: DStream<PageView>,
  ages: DStream<[string, number]>,
  names: DStream<string>,
): void {
  expectType<DStream<[string, [number, string]]>>().of(
    ssc.transform([ages, names], ([ages, names]) => ages.join(names.map((name) => [name, name]))),
  );
  expectType<DStream<string>>().of(
    ssc.transform([views, ages, names], (rdds, time) => {
      expectType<[RDD<PageView>, RDD<[string, number]>, RDD<string>]>().of(rdds);
      expectType<number>().of(time);
      return rdds[2].union(
        rdds[1].keys(),
        rdds[0].map(({ user }) => user),
      );
    }),
  );
  expectType<DStream<PageView | string>>().of(ssc.union<PageView | string>(views, names));
  expectType<DStream<[string, number]>>().of(
    ages.transformWith(names, (rdd, others) => rdd.subtractByKey(others.keyBy((name) => name))),
  );
  // @ts-expect-error There are two RDDs.
  ssc.transform([ages, names], ([, , third]) => third);
  // @ts-expect-error Choosing operations is no I/O.
  ssc.transform([ages, names], async ([first]) => first);
  expectType<DStream<string>>().of(ssc.textFileStream("incoming"));
}

export function sharedValuesAreTypedByTheirLoads(ssc: JobContext, views: DStream<PageView>): void {
  const names = ssc.broadcast(async () => new Map([["NL", "Netherlands"]]), { refresh: "10m" });
  expectType<Broadcast<Map<string, string>>>().of(names);
  expectType<DStream<string | undefined>>().of(views.map(({ country }) => names.value.get(country)));
  const sum: Accumulator = ssc.accumulator("views");
  expectType<number>().of(sum.value);
  // @ts-expect-error A sum is of numbers.
  sum.add(1n);
  // @ts-expect-error The driver's side is not the user's.
  names.value = new Map();
  // @ts-expect-error A value alone has no version.
  ssc.broadcast(5);
}

export function anRddHasWhatItsValuesAllow(numbers: RDD<number>, ages: RDD<[string, number]>): void {
  const cities = numbers.map((n) => [String(n), { city: "" }]);
  type City = { city: string };
  expectType<RDD<[string, [number, City | undefined]]>>().of(ages.leftOuterJoin(cities));
  expectType<RDD<[string, [number | undefined, City | undefined]]>>().of(ages.fullOuterJoin(cities));
  expectType<RDD<[string, [number[], City[]]]>>().of(ages.cogroup(cities));
  expectType<RDD<[string, number]>>().of(ages.subtractByKey(cities));
  expectType<RDD<[string, number]>>().of(ages.sortByKey({ ascending: false }));
  expectType<RDD<[string, Set<number>]>>().of(
    ages.aggregateByKey(
      new Set<number>(),
      (seen, n) => seen.add(n),
      (a, b) => a.union(b),
    ),
  );
  expectType<RDD<string>>().of(ages.keys());
  expectType<RDD<number>>().of(ages.values());
  expectType<RDD<number>>().of(numbers.sortBy((n) => new Date(n), { numPartitions: 2 }));
  expectType<RDD<[number, number]>>().of(numbers.zipWithIndex());
  expectType<RDD<number>>().of(numbers.sample({ fraction: 0.5 }).subtract(numbers).intersection(numbers));
  expectType<RDD<string>>().of(
    numbers.aggregate(
      "",
      (text, n) => text + n,
      (a, b) => a + b,
    ),
  );
  // @ts-expect-error Numbers have no keys.
  numbers.join(ages);
  // @ts-expect-error
  numbers.sortByKey();
  // @ts-expect-error
  numbers.keys();
  // @ts-expect-error An object has no order.
  ages.sortBy(([name]) => ({ name }));
  // @ts-expect-error A sample has a size.
  numbers.sample({});
  // @ts-expect-error
  numbers.subtract(ages);
}

export function onlyPairsHaveKeys(views: DStream<PageView>): void {
  // @ts-expect-error A page view is not a pair.
  views.reduceByKey((a) => a);
  // @ts-expect-error
  views.mapValues((value) => value);
  // @ts-expect-error
  views.groupByKey();
  // @ts-expect-error
  views.join(views);
  // @ts-expect-error
  views.cogroup(views);
}

export function oneValueBecomesAnother(views: DStream<PageView>, mixed: DStream<string | null>): void {
  expectType<DStream<number>>().of(views.map((view) => view.ms));
  expectType<DStream<PageView>>().of(views.filter((view) => view.ms > 10));
  expectType<DStream<string>>().of(mixed.filter((value) => value !== null));
  expectType<DStream<PageView[]>>().of(views.glom());
  expectType<DStream<number>>().of(views.count());
  expectType<DStream<[string, number]>>().of(mixed.filter((value) => value !== null).countByValue());
  expectType<DStream<number>>().of(views.mapAsync(async (view) => view.ms));
  expectType<DStream<number>>().of(views.transform((rdd) => rdd.map((view) => view.ms)));
  // @ts-expect-error A text is iterable, and flatMap over its characters is never what was meant.
  views.flatMap((view) => view.page);
  // @ts-expect-error
  views.union(mixed);
}

export function actionsTakeNoFunctions(rdd: BatchRDD<PageView>, pairs: BatchRDD<[string, number]>): void {
  expectType<Promise<PageView[]>>().of(rdd.collect());
  expectType<Promise<Map<string, number>>>().of(pairs.collectAsMap());
  // @ts-expect-error Where would the function run? Transform the stream instead.
  rdd.map((view: PageView) => view.ms);
  // @ts-expect-error
  rdd.foreach((view: PageView) => console.log(view));
  // @ts-expect-error Only numbers have a sum.
  rdd.sum();
  // @ts-expect-error
  rdd.collectAsMap();
}

export function theHelperItselfTellsTypesApart(value: string | null): void {
  expectType<string | null>().of(value);
  // @ts-expect-error Assignable is not the same.
  expectType<string | null | undefined>().of(value);
  // @ts-expect-error
  expectType<string>().of(value);
  // @ts-expect-error `any` is not accepted for everything.
  expectType<string>().of(JSON.parse("1"));
}

export function stateIsTypedByWhatItsFunctionsTakeAndGive(
  pairs: DStream<[string, number]>,
  texts: DStream<string>,
): void {
  const counted = pairs.mapWithState(
    (key, value, state: State<{ total: number }>) => {
      expectType<string>().of(key);
      expectType<number | undefined>().of(value);
      return state.exists() ? [key, state.get()?.total ?? 0] : undefined;
    },
    { name: "totals" },
  );
  expectType<DStream<[string, { total: number }]>>().of(counted.stateSnapshots());
  expectType<StatefulDStream<string, { total: number }, [string, number]>>().of(counted);
  expectType<DStream<[string, number]>>().of(counted.reduceByKey((a, b) => a + b));
  expectType<DStream<[string, [number, number]]>>().of(counted.join(pairs));
  const keys = pairs.mapWithState((key, _value, _state: State<number>) => (key === "" ? undefined : key), {
    name: "k",
  });
  expectType<StatefulDStream<string, number, string>>().of(keys);
  expectType<DStream<[string, number]>>().of(keys.stateSnapshots());
  expectType<DStream<[string, number[]]>>().of(
    pairs.updateStateByKey<number[]>((values, state) => [...(state ?? []), ...values], { name: "lists" }),
  );
  // @ts-expect-error: a state is found again by its name
  pairs.updateStateByKey<number>((values) => values[0], {});
  // @ts-expect-error: only pairs have keys
  texts.mapWithState((_key: string, _value: string, _state: State<number>) => 1, { name: "x" });
}

export function windowsKeepTheTypeAndAggregatesSayTheirs(
  pairs: DStream<[string, number]>,
  texts: DStream<string>,
): void {
  expectType<DStream<string>>().of(texts.window("30s", "10s"));
  expectType<DStream<number>>().of(texts.countByWindow({ name: "n", window: "30s" }));
  expectType<DStream<[string, number]>>().of(texts.countByValueAndWindow({ name: "n", window: "30s" }));
  expectType<DStream<[string, number[]]>>().of(pairs.groupByKeyAndWindow({ name: "n", window: "30s" }));
  expectType<DStream<[string, number]>>().of(
    pairs.reduceByKeyAndWindow((a, b) => a + b, { name: "n", window: "30s", inverse: (a, b) => a - b }),
  );
  // @ts-expect-error: an aggregate keeps state, and state has a name
  texts.countByWindow({ window: "30s" });
  // @ts-expect-error: only pairs have keys
  texts.groupByKeyAndWindow({ name: "n", window: "30s" });
}
