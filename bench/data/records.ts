import { avroEncoder } from "millrace/avro";
import { Random } from "./random.ts";
import { vocabulary } from "./vocabulary.ts";

/** Writes one record's value at `position` and returns where it ends. */
export type WriteValue = (target: Buffer, position: number) => number;

export type Kind = "text" | "json" | "avro" | "keyed";

/** What the JSON topic holds, and the Avro topic. */
export interface PageView {
  readonly user: string;
  readonly page: string;
  readonly country: string;
  readonly ms: number;
  readonly timestamp: number;
  readonly agent: string;
  readonly referrer: string | null;
}

/** No record is longer. */
export const LONGEST_VALUE_BYTES = 400;

const WORDS_PER_RECORD = 10;
/** Of the keyed topic, each as likely as the others. */
const USERS = 100_000;
const FIRST_TIMESTAMP = 1_760_000_000_000;

export const PAGE_VIEW_SCHEMA = {
  type: "record",
  name: "PageView",
  fields: [
    { name: "user", type: "string" },
    { name: "page", type: "string" },
    { name: "country", type: "string" },
    { name: "ms", type: "int" },
    { name: "timestamp", type: "long" },
    { name: "agent", type: "string" },
    { name: "referrer", type: ["null", "string"] },
  ],
} as const;

export const writers: Readonly<Record<Kind, () => WriteValue>> = {
  text: textWriter,
  json: () => viewWriter((view, target, position) => target.write(JSON.stringify(view), position, "latin1")),
  avro: avroWriter,
  keyed: keyedWriter,
};

/** Text of one length. */
export function sizedWriter(bytes: number): WriteValue {
  const random = new Random(20_160_109);
  return (target, position) => {
    target.fill(0x61 + random.below(26), position, position + bytes);
    return position + bytes;
  };
}

/** Lines of ten words, about 70 bytes. */
function textWriter(): WriteValue {
  const random = new Random(20_160_106);
  const words = vocabulary.map((word) => Buffer.from(`${word} `));
  return (target, position) => {
    let end = position;
    for (let i = 0; i < WORDS_PER_RECORD; i++) {
      const word = words[random.skewedBelow(words.length)]!;
      for (let b = 0; b < word.length; b++) target[end++] = word[b]!;
    }
    return end - 1;
  };
}

const countries = ["DE", "US", "IN", "BR", "FR", "GB", "JP", "NL", "ES", "IT", "PL", "SE", "CA", "AU", "MX", "KR"];
const sections = ["products", "search", "cart", "help", "account", "blog"];
const agents = ["firefox", "chrome", "safari", "edge"];

/** The same views in less than half the bytes. */
function avroWriter(): WriteValue {
  const encode = avroEncoder<PageView>({ schema: PAGE_VIEW_SCHEMA });
  return viewWriter((view, target, position) => {
    const bytes = encode(view);
    target.set(bytes, position);
    return bytes.length;
  });
}

/** Page views, about 150 bytes as JSON. */
function viewWriter(write: (view: PageView, target: Buffer, position: number) => number): WriteValue {
  const random = new Random(20_160_107);
  let timestamp = FIRST_TIMESTAMP;
  return (target, position) => {
    timestamp += random.below(3);
    const view: PageView = {
      user: `u${random.skewedBelow(1_000_000)}`,
      page: `/${sections[random.skewedBelow(sections.length)]}/${random.skewedBelow(10_000)}`,
      country: countries[random.skewedBelow(countries.length)]!,
      ms: 20 + random.skewedBelow(30_000),
      timestamp,
      agent: agents[random.below(agents.length)]!,
      referrer: random.below(3) === 0 ? null : `/${sections[random.below(sections.length)]}`,
    };
    return position + write(view, target, position);
  };
}

/** A user and an amount from 1 to 100, about 12 bytes: `u4711 42`. */
function keyedWriter(): WriteValue {
  const random = new Random(20_160_108);
  return (target, position) =>
    position + target.write(`u${random.below(USERS)} ${1 + random.below(100)}`, position, "latin1");
}
