import { execFileSync } from "node:child_process";

export const KEY_STORE_PASSWORD = "changeit";

/** Makes a PKCS 12 key store for localhost. @returns its certificate, which vouches for itself. */
export function makeCertificate(keyStore: string): string {
  const store = ["-alias", "server", "-keystore", keyStore, "-storepass", KEY_STORE_PASSWORD];
  const names = ["-dname", "CN=localhost", "-ext", "SAN=DNS:localhost,IP:127.0.0.1"];
  execFileSync("keytool", ["-genkeypair", "-keyalg", "RSA", "-storetype", "PKCS12", ...store, ...names], {
    stdio: "pipe",
  });
  return execFileSync("keytool", ["-exportcert", "-rfc", ...store], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}
