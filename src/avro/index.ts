/** Avro as a decoder of records and an encoder for the Kafka sink. Needs the package `avsc`. */
export { type AvroOptions, avro, avroEncoder } from "./avro.ts";
export {
  type ConfluentAvroEncoderOptions,
  type ConfluentAvroOptions,
  confluentAvro,
  confluentAvroEncoder,
} from "./confluent.ts";
export type { RegistryAuth, RegistryLogin, RegistryOptions, RegistryToken } from "./registry-address.ts";
export type { AvroSchema, SchemaOptions } from "./schema.ts";
