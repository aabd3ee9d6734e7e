import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Free ports of the loopback. From below the range that systems give to outgoing connections, so that a broker that is
 * stopped for a while finds its port free when it comes back.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (!ports.includes(port) && (await isFree(port))) ports.push(port);
  }
  return ports;
}

/** Else what listens there would answer in the place of the broker that cannot start. */
export async function refuseTaken(ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    if (await isFree(port)) continue;
    throw new Error(`Something else listens on 127.0.0.1:${port} already. Stop it, or choose another port.`);
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
