import { Random } from "../../bench/data/random.ts";
import type { SinkName } from "./driver/sinks.ts";

/** All that can happen to a driver, its threads, its disk and its connections. */
export type Fault =
  | "SIGKILL"
  | "power cut"
  | "paused"
  | "a task fails"
  | "a thread exits"
  | "a heap is full"
  | "EIO"
  | "ENOSPC"
  | "short write"
  | "reply cut"
  | "connections cut"
  | "leaders move"
  | "broker killed";

/** One entry of a schedule: what strikes whom, and where. */
export interface ScheduledStrike {
  readonly number: number;
  readonly sink: SinkName;
  readonly point: string;
  /** The how manieth visit of the point. */
  readonly occurrence: number;
  readonly fault: Fault;
  /** How the driver ends that has survived its strike. */
  readonly ending: "SIGKILL" | "SIGTERM";
  /** Whether records arrive while it runs, beside those that arrived while it was down. */
  readonly feedMeanwhile: boolean;
  /** For all that is random in carrying it out. */
  readonly seed: number;
}

export interface ScheduleOptions {
  readonly seed: number;
  readonly kills: number;
  readonly sinks: readonly SinkName[];
  /** Brokers of our own, behind proxies, whose leaders can move. */
  readonly ownBrokers: boolean;
}

interface Point {
  readonly name: string;
  /** When only the driver of one sink comes there. */
  readonly sink?: SinkName;
  readonly faults: readonly Fault[];
  /** How often one run of a driver is sure to come there. */
  readonly visits: number;
}

export const ANY_MOMENT = "any moment";
const KILLS: readonly Fault[] = ["SIGKILL", "power cut", "paused"];
const IN_A_THREAD: readonly Fault[] = ["SIGKILL", "paused", "a task fails", "a thread exits", "a heap is full"];

/** Only the first driver of a checkpoint comes here. */
const FIRST_OF_ALL: Point = { name: "start appended", faults: ["SIGKILL", "power cut"], visits: 1 };

const OF_EVERY_DRIVER: readonly Point[] = [
  ...["epoch created", "begin appended"].map((name) => ({ name, faults: KILLS, visits: 1 })),
  ...["before plan", "plan appended", "plan looked up", "before state", "state appended", "complete appended"].map(
    (name) => {
      return { name, faults: KILLS, visits: 3 };
    },
  ),
  ...["in a map task", "in a reduce task", "in a state task"].map((name) => ({ name, faults: IN_A_THREAD, visits: 2 })),
  { name: "disk: write", faults: ["EIO", "ENOSPC", "short write"], visits: 4 },
  { name: "disk: sync", faults: ["EIO", "SIGKILL", "power cut"], visits: 4 },
];

const OF_ONE_SINK: { readonly [S in SinkName]: readonly Omit<Point, "sink">[] } = {
  sqlite: [
    ...driverPoints("sqlite", ["before fence"], 3),
    ...driverPoints("sqlite", ["before commit", "after commit"], 3),
  ],
  postgres: partitionPoints("postgres"),
  kafka: partitionPoints("kafka"),
  files: [
    ...driverPoints("files", ["before fence"], 3),
    ...taskPoints("files", ["before write", "all is read", "after write"]),
    ...driverPoints("files", ["before publish", "after publish"], 3),
  ],
};

function driverPoints(sink: SinkName, names: readonly string[], visits: number) {
  return names.map((name) => ({ name: `${sink}: ${name}`, faults: KILLS, visits }));
}

function taskPoints(sink: SinkName, names: readonly string[]) {
  return names.map((name) => ({ name: `${sink}: ${name}`, faults: IN_A_THREAD, visits: 2 }));
}

function partitionPoints(sink: SinkName) {
  return [
    ...driverPoints(sink, ["before fence"], 3),
    ...taskPoints(sink, ["before commit", "all is read", "after commit"]),
  ];
}

/** Every point that this run must come to. */
export function pointsOf({ sinks, ownBrokers }: Pick<ScheduleOptions, "sinks" | "ownBrokers">): readonly Point[] {
  const replies = (of: string, requests: readonly string[], sink?: SinkName): Point[] =>
    requests.map((request) => ({
      name: `${of}: reply of ${request}`,
      faults: ["reply cut"],
      visits: 3,
      ...(sink !== undefined && { sink }),
    }));
  return [
    ...OF_EVERY_DRIVER,
    { name: ANY_MOMENT, faults: KILLS, visits: 1 },
    ...(ownBrokers ? BROKER_FAULTS.map((fault) => ({ name: ANY_MOMENT, faults: [fault], visits: 1 })) : []),
    ...sinks.flatMap((sink) => OF_ONE_SINK[sink].map((point) => ({ ...point, sink }))),
    ...(sinks.includes("postgres") ? replies("postgres", ["COMMIT"], "postgres") : []),
    ...(ownBrokers ? replies("kafka", ["ListOffsets", "Fetch"]) : []),
    ...(ownBrokers && sinks.includes("kafka") ? replies("kafka", ["Produce", "EndTxn"], "kafka") : []),
  ];
}

const BROKER_FAULTS: readonly Fault[] = ["leaders move", "broker killed", "connections cut"];

/** A list that depends on nothing but its options: first every point once, in any order, then any. Faults that came least come next. */
export function makeSchedule(options: ScheduleOptions): readonly ScheduledStrike[] {
  const { seed, kills, sinks } = options;
  const random = new Random(Math.imul(seed + 1, 0x9e3779b1));
  const points = pointsOf(options);
  const used = new Map<Fault, number>();
  const pick = <T>(from: readonly T[]): T => from[random.below(from.length)]!;
  const rarest = (faults: readonly Fault[]): Fault => {
    const least = Math.min(...faults.map((fault) => used.get(fault) ?? 0));
    return pick(faults.filter((fault) => (used.get(fault) ?? 0) === least));
  };
  const round = () => shuffled(points, random);
  const upcoming = [FIRST_OF_ALL, ...round()];
  return Array.from({ length: kills }, (_, i) => {
    if (upcoming.length === 0) upcoming.push(...round());
    const { name, sink, faults, visits } = upcoming.shift()!;
    const fault = rarest(faults);
    used.set(fault, (used.get(fault) ?? 0) + 1);
    return {
      number: i + 1,
      sink: sink ?? pick(sinks),
      point: name,
      occurrence: 1 + random.below(visits),
      fault,
      ending: pick(["SIGKILL", "SIGTERM"] as const),
      feedMeanwhile: random.below(2) === 0,
      seed: random.below(2 ** 31),
    };
  });
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}
