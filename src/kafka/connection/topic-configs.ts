import type { BrokerSocket } from "./broker-socket.ts";
import type { ByteCursor } from "./byte-cursor.ts";
import { ByteWriter } from "./byte-writer.ts";

const DESCRIBE_CONFIGS = { key: 32, version: 4, flexible: true };
const TOPIC = 2;

export interface TopicConfig {
  readonly topic: string;
  readonly code: number;
  /** As the topic has it, or by the broker's default; undefined when there is no answer. */
  readonly value: string | undefined;
}

/** Asks any broker for one setting of each topic. */
export async function topicConfigs(
  socket: BrokerSocket,
  topics: readonly string[],
  setting: string,
): Promise<TopicConfig[]> {
  const writer = new ByteWriter();
  writer.compactArray(topics, (topic) => {
    writer.int8(TOPIC).compactText(topic);
    writer.compactArray([setting], (name) => writer.compactText(name)).noTaggedFields();
  });
  const [synonyms, documentation] = [false, false];
  const body = writer.boolean(synonyms).boolean(documentation).noTaggedFields().bytes;
  const cursor = await socket.request({ ...DESCRIBE_CONFIGS, body });
  cursor.int32(); // throttle time
  return cursor.compactArray(() => {
    const code = cursor.int16();
    cursor.compactText(); // the code in words
    cursor.skip(1); // that it is a topic
    const topic = cursor.compactText() ?? "";
    const values = cursor.compactArray(() => readValue(cursor));
    cursor.skipTaggedFields();
    return { topic, code, value: values.find(({ name }) => name === setting)?.value };
  });
}

function readValue(cursor: ByteCursor): { readonly name: string | undefined; readonly value: string | undefined } {
  const name = cursor.compactText();
  const value = cursor.compactText();
  cursor.skip(1 + 1 + 1); // read only, source, sensitive
  cursor.compactArray(() => {
    cursor.compactText(); // of a synonym: name
    cursor.compactText(); // its value
    cursor.skip(1); // its source
    cursor.skipTaggedFields();
  });
  cursor.skip(1); // type
  cursor.compactText(); // documentation
  cursor.skipTaggedFields();
  return { name, value };
}
