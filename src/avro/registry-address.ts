import type { Duration } from "../model/duration.ts";
import { messageOf } from "../model/error-transfer.ts";
import { MillraceError } from "../model/errors.ts";
import { type Check, checkedLater, isObject, isText } from "../model/options.ts";
import type { TlsOptions } from "../model/tls-options.ts";

/** Where schemas are kept: anything that speaks Confluent's REST interface (Confluent, Apicurio, Karapace, Redpanda). */
export interface RegistryOptions {
  /**
   * Its address, with the path before `/subjects`: `http://localhost:8081`, for Apicurio `http://localhost:8080/apis/ccompat/v7`. Several, as a
   * list or with commas between them, when it has several nodes: the next one is asked when one does not answer. Confluent: `schema.registry.url`.
   */
  readonly registry: string | URL | readonly (string | URL)[];
  /** @default the login that stands in the address */
  readonly auth?: RegistryAuth | undefined;
  /** For https: Node's TLS options (`ca`, `cert`, `key`, `servername` ...). @default what Node trusts */
  readonly ssl?: TlsOptions | undefined;
  /** How long a registry that does not answer is asked again, until the task fails. @default "30s" */
  readonly timeout?: Duration | undefined;
}

export type RegistryAuth = RegistryLogin | RegistryToken;

/** Confluent: `basic.auth.user.info`. */
export interface RegistryLogin {
  readonly username: string;
  readonly password: string;
}

/** Confluent: `bearer.auth.credentials.source`. */
export interface RegistryToken {
  /** The bearer token, or what gives one for each request. */
  readonly token: string | (() => string | Promise<string>);
  /** Which registry of Confluent Cloud is meant. Confluent: `bearer.auth.logical.cluster`. */
  readonly logicalCluster?: string | undefined;
  /** Confluent: `bearer.auth.identity.pool.id`. */
  readonly identityPoolId?: string | undefined;
}

/** One node of a registry. */
export interface RegistryNode {
  /** Without a login, and with a slash at its end. */
  readonly base: URL;
  readonly auth: RegistryAuth | undefined;
}

const isAuth: Check = (value) => {
  const { username, password, token, logicalCluster, identityPoolId, ...others } = (value ?? {}) as {
    readonly [name: string]: unknown;
  };
  const isLogin = typeof username === "string" && typeof password === "string" && token === undefined;
  const isToken = (typeof token === "string" && token !== "") || typeof token === "function";
  const names = [logicalCluster, identityPoolId].filter((name) => name !== undefined);
  const isBearer = isToken && username === undefined && password === undefined;
  const isKnown = Object.keys(others).length === 0 && names.every((name) => isText(name) === undefined);
  if (isKnown && ((isLogin && names.length === 0) || isBearer)) return undefined;
  return "must be { username, password } or { token, logicalCluster, identityPoolId }";
};

export const REGISTRY_CHECKS = { registry: checkedLater, auth: isAuth, ssl: isObject, timeout: checkedLater };

/** @throws BAD_OPTION */
export function nodesOf(owner: string, { registry, auth }: RegistryOptions): readonly RegistryNode[] {
  const given = typeof registry === "string" ? registry.split(",") : Array.isArray(registry) ? registry : [registry];
  if (given.length === 0) throw noAddress(owner);
  return given.map((one) => nodeOf(owner, one, auth));
}

function nodeOf(owner: string, given: unknown, auth: RegistryAuth | undefined): RegistryNode {
  const text = given instanceof URL ? given.href : given;
  const base = typeof text === "string" && URL.canParse(text.trim()) ? new URL(text.trim()) : undefined;
  if (base === undefined || (base.protocol !== "http:" && base.protocol !== "https:")) throw noAddress(owner);
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  const [username, password] = [decodeURIComponent(base.username), decodeURIComponent(base.password)];
  base.username = "";
  base.password = "";
  return { base, auth: auth ?? (username === "" ? undefined : { username, password }) };
}

function noAddress(owner: string): MillraceError {
  return new MillraceError(
    "BAD_OPTION",
    `${owner}: "registry" must be an http: or https: address, or a list of them.`,
    {
      hint: 'For example registry: "http://localhost:8081".',
    },
  );
}

/** What a request says of who asks. @throws REGISTRY_UNREACHABLE with what a token function threw */
export async function headersOf({ base, auth }: RegistryNode): Promise<{ readonly [header: string]: string }> {
  if (auth === undefined) return {};
  if ("username" in auth) {
    return { authorization: `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString("base64")}` };
  }
  return {
    authorization: `Bearer ${await tokenOf(base, auth)}`,
    ...(auth.logicalCluster !== undefined && { "target-sr-cluster": auth.logicalCluster }),
    ...(auth.identityPoolId !== undefined && { "confluent-identity-pool-id": auth.identityPoolId }),
  };
}

async function tokenOf(base: URL, { token }: RegistryToken): Promise<string> {
  try {
    return typeof token === "function" ? await token() : token;
  } catch (error) {
    throw new MillraceError(
      "REGISTRY_UNREACHABLE",
      `There is no token for the registry at ${base.href}: ${messageOf(error)}`,
      {
        hint: "The function given as `auth.token` threw; its own error is the cause.",
        cause: error,
      },
    );
  }
}

/** How an error names who asked. */
export function whoAsks(auth: RegistryAuth | undefined): string {
  if (auth === undefined) return "a request without a login";
  return "username" in auth ? `the login of "${auth.username}"` : "the bearer token";
}
