import { systemClock } from "../model/clock.ts";
import { parseDuration } from "../model/duration.ts";
import { messageOf } from "../model/error-transfer.ts";
import { MillraceError } from "../model/errors.ts";
import { resolveTls, type TlsOptions } from "../model/tls-options.ts";
import { ask, type HttpAnswer } from "./http.ts";
import { headersOf, nodesOf, type RegistryNode, type RegistryOptions, whoAsks } from "./registry-address.ts";

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
  readonly #nodes: readonly RegistryNode[];
  readonly #ssl: TlsOptions | undefined;
  readonly #timeoutMs: number;
  /** Without a password that may stand in a URL. */
  readonly address: string;
  /** The node that answered last. */
  #current = 0;

  /** @throws BAD_OPTION */
  constructor(owner: string, options: RegistryOptions) {
    this.#nodes = nodesOf(owner, options);
    this.#ssl = resolveTls(`${owner}: ssl`, options.ssl);
    this.address = this.#nodes.map(({ base }) => base.href).join(", ");
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

  /** Asks one node after the other, and all of them again, with growing pauses, while none answers or they are in trouble themselves. */
  async #ask<R>(method: "GET" | "POST", path: string, body?: object): Promise<R> {
    const until = performance.now() + this.#timeoutMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      const first = this.#current;
      const troubles: unknown[] = [];
      for (let asked = 0; asked < this.#nodes.length; asked++) {
        const index = (first + asked) % this.#nodes.length;
        const node = this.#nodes[index]!;
        // A node that swallows requests leaves the others their part of the time.
        const left = Math.ceil((until - performance.now()) / (this.#nodes.length - asked));
        const answer = await this.#askOnce(node, method, path, body, Math.max(1, Math.min(left, ONE_REQUEST_MS)));
        if (!("trouble" in answer)) {
          this.#current = index;
          return this.#read(answer, node);
        }
        troubles.push(answer.trouble);
      }
      const isFinal = troubles.every((trouble) => NO_TRUST.has(codeOf(trouble)));
      if (performance.now() + pauseMs >= until || isFinal) throw this.#unreachable(troubles);
      await systemClock.sleepUntil(systemClock.now() + pauseMs, new AbortController().signal);
    }
  }

  async #askOnce(
    node: RegistryNode,
    method: "GET" | "POST",
    path: string,
    body: object | undefined,
    timeout: number,
  ): Promise<HttpAnswer | { readonly trouble: unknown }> {
    const headers = await headersOf(node);
    try {
      const answer = await ask({ method, url: new URL(path, node.base), body, headers, ssl: this.#ssl, timeout });
      const passing = answer.status >= 500 || answer.status === 429 || answer.status === 408;
      return passing ? { trouble: new RegistryAnswer(answer.status, wordsOf(answer)) } : answer;
    } catch (error) {
      return { trouble: error };
    }
  }

  #read<R>(answer: HttpAnswer, { base, auth }: RegistryNode): R {
    const { status } = answer;
    if (status === 401 || status === 403) {
      throw new MillraceError(
        "REGISTRY_REFUSED",
        `The registry at ${base.href} refused ${whoAsks(auth)} (${wordsOf(answer)}).`,
        { hint: "Check `auth`, and what this user may do." },
      );
    }
    if (status < 200 || status >= 300) throw new RegistryAnswer(status, wordsOf(answer));
    try {
      return JSON.parse(answer.body) as R;
    } catch (cause) {
      throw new MillraceError("REGISTRY_REFUSED", `What answers at ${base.href} is no schema registry.`, {
        hint: "Check the path: it ends before /subjects and /schemas. For Apicurio it is /apis/ccompat/v7.",
        cause,
      });
    }
  }

  /** By the trouble of the node that was asked last; that of the others is in its cause. */
  #unreachable(troubles: readonly unknown[]): MillraceError {
    const last = troubles.at(-1);
    const code = codeOf(last);
    const time = NO_TRUST.has(code) ? "" : ` for ${this.#timeoutMs / 1000} s`;
    return new MillraceError(
      "REGISTRY_UNREACHABLE",
      `The registry at ${this.address} gave no usable answer${time}: ${messageOf(last) || code}`,
      {
        hint: HINTS[code] ?? "Check that it is up and can be reached from here; `timeout` is how long it is asked.",
        cause: troubles.length === 1 ? last : new AggregateError(troubles, "no node answered"),
      },
    );
  }
}

const codeOf = (trouble: unknown): string => (trouble as { readonly code?: string }).code ?? "";

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
