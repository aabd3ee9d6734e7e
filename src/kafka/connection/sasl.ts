import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { SaslOptions } from "../kafka-params.ts";
import type { BrokerSocket } from "./broker-socket.ts";
import { ByteWriter } from "./byte-writer.ts";

const HANDSHAKE = { key: 17, version: 1, flexible: false };
const AUTHENTICATE = { key: 36, version: 2, flexible: true };
/** RFC 7677. Fewer make a stolen exchange too cheap to guess from. */
const SCRAM_ITERATIONS_MIN = 4096;
const NO_CHANNEL_BINDING = "n,,";

/** The broker does not take these credentials, or is not who it should be. No retry helps. */
export class AuthenticationError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "AuthenticationError";
  }
}

/**
 * Tells the broker who we are.
 * @returns how long that holds, in milliseconds; 0 for as long as the connection.
 * @throws AuthenticationError
 */
export async function authenticate(socket: BrokerSocket, sasl: SaslOptions): Promise<number> {
  const handshake = await socket.request({ ...HANDSHAKE, body: new ByteWriter().oldText(sasl.mechanism).bytes });
  if (handshake.int16() !== 0) {
    const mechanisms = Array.from({ length: handshake.int32() }, () => handshake.text(handshake.int16()));
    throw new AuthenticationError(`it takes ${mechanisms.join(", ") || "no mechanism"}, not ${sasl.mechanism}`);
  }
  const send = (token: string) => exchange(socket, token);
  switch (sasl.mechanism) {
    case "PLAIN":
      return (await send(`\0${sasl.username}\0${sasl.password}`)).lifetimeMs;
    case "OAUTHBEARER":
      return await bearer(send, typeof sasl.token === "string" ? sasl.token : await sasl.token());
    case "SCRAM-SHA-256":
      return await scram(send, "sha256", sasl.username, sasl.password);
    case "SCRAM-SHA-512":
      return await scram(send, "sha512", sasl.username, sasl.password);
  }
}

type Send = (token: string) => Promise<{ answer: string; lifetimeMs: number }>;

async function exchange(socket: BrokerSocket, token: string): Promise<{ answer: string; lifetimeMs: number }> {
  const body = new ByteWriter().compactBytes(Buffer.from(token)).noTaggedFields().bytes;
  const cursor = await socket.request({ ...AUTHENTICATE, body });
  const code = cursor.int16();
  const message = cursor.compactText();
  if (code !== 0) throw new AuthenticationError(message ?? `authentication failed with code ${code}`);
  return { answer: cursor.compactText() ?? "", lifetimeMs: cursor.int64() };
}

/** RFC 7628. A broker that refuses a token says why in JSON, and wants an empty answer before it gives up. */
async function bearer(send: Send, token: string): Promise<number> {
  const { answer, lifetimeMs } = await send(`${NO_CHANNEL_BINDING}\x01auth=Bearer ${token}\x01\x01`);
  if (answer !== "") throw new AuthenticationError(`the token was refused: ${answer}`);
  return lifetimeMs;
}

/** RFC 5802: proves that we know the password without sending it, and that the broker knows it too. */
async function scram(send: Send, hash: "sha256" | "sha512", username: string, password: string): Promise<number> {
  const hmac = (key: Buffer, text: string) => createHmac(hash, key).update(text).digest();
  const nonce = randomBytes(24).toString("base64url");
  const first = `n=${username.replaceAll("=", "=3D").replaceAll(",", "=2C")},r=${nonce}`;
  const challenge = (await send(`${NO_CHANNEL_BINDING}${first}`)).answer;
  const { r: bothNonces = "", s: salt = "", i: iterations = "" } = attributesOf(challenge);
  if (!bothNonces.startsWith(nonce)) throw new AuthenticationError("its SCRAM answer is to another question");
  if (Number(iterations) < SCRAM_ITERATIONS_MIN) {
    throw new AuthenticationError(`it wants ${iterations} SCRAM iterations, fewer than ${SCRAM_ITERATIONS_MIN}`);
  }
  const keyBytes = createHash(hash).digest().length;
  const salted = await promisify(pbkdf2)(password, Buffer.from(salt, "base64"), Number(iterations), keyBytes, hash);
  const withoutProof = `c=${Buffer.from(NO_CHANNEL_BINDING).toString("base64")},r=${bothNonces}`;
  const message = `${first},${challenge},${withoutProof}`;
  const clientKey = hmac(salted, "Client Key");
  const signature = hmac(createHash(hash).update(clientKey).digest(), message);
  const proof = clientKey.map((byte, i) => byte ^ signature[i]!);
  const { answer, lifetimeMs } = await send(`${withoutProof},p=${Buffer.from(proof).toString("base64")}`);
  const theirs = Buffer.from(attributesOf(answer).v ?? "", "base64");
  const expected = hmac(hmac(salted, "Server Key"), message);
  if (theirs.length !== expected.length || !timingSafeEqual(theirs, expected)) {
    throw new AuthenticationError("it does not know the password: somebody else answers in its place");
  }
  return lifetimeMs;
}

/** `r=...,s=...,i=...` */
function attributesOf(message: string): { [name: string]: string | undefined } {
  return Object.fromEntries(message.split(",").map((part) => [part.slice(0, 1), part.slice(2)]));
}
