import type { SecureContextOptions } from "node:tls";
import { systemClock } from "../model/clock.ts";
import { type Duration, parseDuration } from "../model/duration.ts";
import { messageOf } from "../model/error-transfer.ts";
import { MillraceError } from "../model/errors.ts";
import { type Check, checkedLater } from "../model/options.ts";
import { ask, type HttpAnswer } from "./http.ts";

/** Where schemas are kept: anything that speaks Confluent's REST interface (Confluent, Apicurio, Karapace, Redpanda). */
export interface RegistryOptions {
  /** Its address, with the path before `/subjects`: `http://localhost:8081`, for Apicurio `http://localhost:8080/apis/ccompat/v7`. */
  readonly registry: string | URL;
  readonly auth?: { readonly username: string; readonly password: string } | undefined;
  /** For https: `ca`, `cert`, `key` as in Node. @default what Node trusts */
  readonly ssl?: SecureContextOptions | undefined;
  /** How long a registry that does not answer is asked again, until the task fails. @default "30s" */
  readonly timeout?: Duration | undefined;
}

const isAuth: Check = (value) => {
  const { username, password } = (value ?? {}) as { username?: unknown; password?: unknown };
  return typeof username === "string" && typeof password === "string" ? undefined : "must be { username, password }";
};

export const REGISTRY_CHECKS = { registry: checkedLater, auth: isAuth, ssl: checkedLater, timeout: checkedLater };

/** A schema as a registry has it. */
export interface RegisteredSchema {
  readonly schema: string;
  /** Absent for Avro. */
  readonly schemaType?: string;
  readonly references?: readonly { readonly name: string; readonly subject: string; readonly version: number }[];
}

/** The registry answered, and it was no. */
export class RegistryAnswer extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
const ONE_REQUEST_MS = 10_000;

/** The few requests of Confluent's interface that are needed. */
export class Registry {
  readonly #base: URL;
  readonly #options: RegistryOptions;
  readonly #auth: RegistryOptions["auth"];
  readonly #timeoutMs: number;
  /** Without a password that may stand in the URL. */
  readonly address: string;

  /** @throws BAD_OPTION */
  constructor(owner: string, options: RegistryOptions) {
    this.#options = options;
    this.#base = addressOf(owner, options.registry);
    const { username, password } = this.#base;
    this.#auth =
      options.auth ??
      (username === ""
        ? undefined
        : { username: decodeURIComponent(username), password: decodeURIComponent(password) });
    this.#base.username = "";
    this.#base.password = "";
    this.address = this.#base.href;
    this.#timeoutMs = parseDuration(options.timeout ?? "30s", "timeout", { minMs: 1 });
  }

  /** @throws RegistryAnswer with status 404 when there is none */
  schemaOf(id: number): Promise<RegisteredSchema> {
    return this.#ask("GET", `schemas/ids/${id}`);
  }

  version(subject: string, version: number): Promise<RegisteredSchema> {
    return this.#ask("GET", `subjects/${encodeURIComponent(subject)}/versions/${version}`);
  }

  /** The id of a schema that a subject has. @throws RegistryAnswer with status 404 when it does not */
  async idOf(subject: string, schema: string): Promise<number> {
    const { id } = await this.#ask<{ id: number }>("POST", `subjects/${encodeURIComponent(subject)}`, { schema });
    return id;
  }

  async register(subject: string, schema: string): Promise<number> {
    const path = `subjects/${encodeURIComponent(subject)}/versions`;
    const { id } = await this.#ask<{ id: number }>("POST", path, { schema });
    return id;
  }

  /** Asks again, with growing pauses, while the registry does not answer or is in trouble itself. */
  async #ask<R>(method: "GET" | "POST", path: string, body?: object): Promise<R> {
    const until = performance.now() + this.#timeoutMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      const left = Math.ceil(until - performance.now());
      const answer = await this.#askOnce(method, path, body, Math.max(1, Math.min(left, ONE_REQUEST_MS)));
      if (!("trouble" in answer)) return this.#read(answer);
      const { code = "" } = answer.trouble as { code?: string };
      if (performance.now() + pauseMs >= until || NO_TRUST.has(code)) throw this.#unreachable(answer.trouble);
      await systemClock.sleepUntil(systemClock.now() + pauseMs, new AbortController().signal);
    }
  }

  async #askOnce(
    method: "GET" | "POST",
    path: string,
    body: object | undefined,
    timeout: number,
  ): Promise<HttpAnswer | { readonly trouble: unknown }> {
    try {
      const url = new URL(path, this.#base);
      const answer = await ask({ method, url, body, auth: this.#auth, ssl: this.#options.ssl, timeout });
      const passing = answer.status >= 500 || answer.status === 429 || answer.status === 408;
      return passing ? { trouble: new RegistryAnswer(answer.status, wordsOf(answer)) } : answer;
    } catch (error) {
      return { trouble: error };
    }
  }

  #read<R>(answer: HttpAnswer): R {
    const { status } = answer;
    if (status === 401 || status === 403) throw this.#refusedLogin(answer);
    if (status < 200 || status >= 300) throw new RegistryAnswer(status, wordsOf(answer));
    try {
      return JSON.parse(answer.body) as R;
    } catch (cause) {
      throw new MillraceError("REGISTRY_REFUSED", `What answers at ${this.address} is no schema registry.`, {
        hint: "Check the path: it ends before /subjects and /schemas. For Apicurio it is /apis/ccompat/v7.",
        cause,
      });
    }
  }

  #refusedLogin(answer: HttpAnswer): MillraceError {
    const who = this.#auth === undefined ? "a request without a login" : `the login of "${this.#auth.username}"`;
    return new MillraceError(
      "REGISTRY_REFUSED",
      `The registry at ${this.address} refused ${who} (${wordsOf(answer)}).`,
      { hint: "Check `auth`, and what this user may do." },
    );
  }

  #unreachable(cause: unknown): MillraceError {
    const { code = "" } = cause as { code?: string };
    const time = NO_TRUST.has(code) ? "" : ` for ${this.#timeoutMs / 1000} s`;
    return new MillraceError(
      "REGISTRY_UNREACHABLE",
      `The registry at ${this.address} gave no usable answer${time}: ${messageOf(cause) || code}`,
      {
        hint: HINTS[code] ?? "Check that it is up and can be reached from here; `timeout` is how long it is asked.",
        cause,
      },
    );
  }
}

const NO_TRUST = new Set([
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "CERT_HAS_EXPIRED",
  "ERR_TLS_CERT_ALTNAME_INVALID",
]);

const HINTS: { readonly [code: string]: string } = {
  ECONNREFUSED: "Nothing listens there. Check host and port in `registry`.",
  ENOTFOUND: "There is no such host. Check `registry`.",
  SELF_SIGNED_CERT_IN_CHAIN: "Give the certificate of your authority as ssl: { ca }.",
  DEPTH_ZERO_SELF_SIGNED_CERT: "Give its certificate as ssl: { ca }.",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "Give the certificate of your authority as ssl: { ca }.",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "Give the certificate of your authority as ssl: { ca }.",
  ERR_TLS_CERT_ALTNAME_INVALID: "Use the name that its certificate is for.",
};

/** What the registry said: its JSON has a message. */
function wordsOf({ status, body }: HttpAnswer): string {
  try {
    const { message } = JSON.parse(body) as { message?: unknown };
    if (typeof message === "string") return `${status}: ${message}`;
  } catch {
    // An answer of something in between, as a page.
  }
  return `status ${status}`;
}

function addressOf(owner: string, registry: unknown): URL {
  const text = registry instanceof URL ? registry.href : registry;
  const url = typeof text === "string" && URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && (url.protocol === "http:" || url.protocol === "https:")) {
    if (!url.pathname.endsWith("/")) url.pathname += "/";
    return url;
  }
  throw new MillraceError("BAD_OPTION", `${owner}: "registry" must be an http: or https: address.`, {
    hint: 'For example registry: "http://localhost:8081".',
  });
}
