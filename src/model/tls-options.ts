import type { ConnectionOptions, SecureContextOptions } from "node:tls";
import { MillraceError } from "./errors.ts";
import { didYouMean } from "./options.ts";

/** Node's TLS options: what is trusted, what is shown, and how strictly the name in a server's certificate is taken. */
export type TlsOptions = SecureContextOptions &
  Pick<ConnectionOptions, "rejectUnauthorized" | "checkServerIdentity" | "servername">;

/** Loaded for whoever uses it: it takes every thread 3 to 9 ms, and most jobs have none. */
export const nodeTls = () => process.getBuiltinModule("node:tls");

/** The compiler holds the list against Node's own. */
const KNOWN = Object.keys({
  ALPNCallback: true,
  allowPartialTrustChain: true,
  ca: true,
  cert: true,
  certificateCompression: true,
  checkServerIdentity: true,
  ciphers: true,
  clientCertEngine: true,
  crl: true,
  dhparam: true,
  ecdhCurve: true,
  honorCipherOrder: true,
  key: true,
  maxVersion: true,
  minVersion: true,
  passphrase: true,
  pfx: true,
  privateKeyEngine: true,
  privateKeyIdentifier: true,
  rejectUnauthorized: true,
  secureOptions: true,
  secureProtocol: true,
  servername: true,
  sessionIdContext: true,
  sessionTimeout: true,
  sigalgs: true,
  ticketKeys: true,
} satisfies { [K in keyof Required<TlsOptions>]: true });

/**
 * Node takes no notice of a name that it does not know, and says what is wrong with a value when a connection is opened, which is then tried
 * again. So both are looked at here. A name that is like none of these may be one of a later Node.
 *
 * @param option As a message names it. @throws BAD_OPTION
 */
export function resolveTls(option: string, ssl: boolean | TlsOptions | undefined): TlsOptions | undefined {
  if (ssl === undefined || ssl === false) return undefined;
  if (ssl === true) return {};
  for (const name of Object.keys(ssl)) {
    const meant = KNOWN.includes(name) ? "" : didYouMean(name, KNOWN);
    if (meant !== "")
      throw new MillraceError("BAD_OPTION", `${option} has no option "${name}".`, { hint: meant.trim() });
  }
  try {
    nodeTls().createSecureContext(ssl);
  } catch (error) {
    throw new MillraceError("BAD_OPTION", `${option} cannot be used: ${(error as Error).message}.`, {
      hint: "Certificates and keys are the text of PEM files (-----BEGIN ...), or one PKCS #12 file as pfx; keytool and openssl make them of a Java keystore.",
      cause: error,
    });
  }
  return ssl;
}
