import { once } from "node:events";
import { type IncomingMessage, request as plainRequest } from "node:http";
import { request as secureRequest } from "node:https";
import { text } from "node:stream/consumers";
import type { TlsOptions } from "../model/tls-options.ts";

export interface HttpRequest {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly body: object | undefined;
  readonly headers: { readonly [header: string]: string };
  readonly ssl: TlsOptions | undefined;
  /** Milliseconds until the whole answer must be there. */
  readonly timeout: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

const CONTENT_TYPE = "application/vnd.schemaregistry.v1+json";
/** No schema is as large. */
const BODY_BYTES_MAX = 32 * 2 ** 20;

/** One request on a connection of its own, which ends with it. Node's fetch takes no certificates. */
export async function ask({ method, url, body, headers, ssl, timeout }: HttpRequest): Promise<HttpAnswer> {
  const secure = url.protocol === "https:";
  const request = (secure ? secureRequest : plainRequest)(url, {
    method,
    agent: false,
    signal: AbortSignal.timeout(timeout),
    headers: { accept: `${CONTENT_TYPE}, application/json`, ...(body && { "content-type": CONTENT_TYPE }), ...headers },
    ...(secure ? ssl : {}),
  });
  // What breaks off after the head of the answer is told by its body.
  request.on("error", () => {});
  request.end(body && JSON.stringify(body));
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let bytes = 0;
  response.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) response.destroy(new Error("its answer is too long"));
  });
  return { status: response.statusCode ?? 0, body: await text(response) };
}
