import { MillraceError } from "../model/errors.ts";

/** What kafkaParams of Kafka's own clients and of Spark have, and where it is said here. */
const ELSEWHERE: readonly (readonly [key: RegExp, hint: string])[] = [
  [/^security\.protocol$/, 'TLS is "ssl": true, or Node\'s TLS options; a login is "sasl".'],
  [/^ssl\./, 'TLS is "ssl": true, or Node\'s TLS options: { ca, cert, key }, each the text of a PEM file.'],
  [/^sasl\./, 'A login is "sasl": { mechanism: "PLAIN", username: "...", password: "..." }, or SCRAM or OAUTHBEARER.'],
  [
    /^(key|value)\.(de)?serializer$/,
    "Decoders are the options keyDecoder and valueDecoder of createDirectStream: utf8, which is the default, bytes, json() ...",
  ],
  [
    /^enable\.auto\.commit$|^auto\.commit\./,
    "Leave it out: nothing is committed to a group, unless by commitToGroup, and then what is complete.",
  ],
  [
    /^(session\.timeout|heartbeat\.interval|max\.poll|partition\.assignment|group\.instance)/,
    "Leave it out: no group is joined. What a batch reads is bounded by maxRatePerPartition and maxBatchSize.",
  ],
  [/^zookeeper\./, 'Leave it out: all is asked of the brokers, which "bootstrap.servers" names.'],
  [/^fetch\.message\.max\.bytes$/, 'Today it is called "max.partition.fetch.bytes".'],
];

/** @throws BAD_OPTION with where such a key is said here, which no list of known options would tell. */
export function refuseKeysOfOtherClients(given: object): void {
  for (const key of Object.keys(given)) {
    const hint = ELSEWHERE.find(([pattern]) => pattern.test(key))?.[1];
    if (hint !== undefined) throw new MillraceError("BAD_OPTION", `kafkaParams has no option "${key}".`, { hint });
  }
}
