import { once } from "node:events";
import { connect } from "node:net";

/**
 * Asks a broker which brokers its cluster has, and gives their ids; nothing while it does not answer. One Metadata request
 * (version 4, no topics) written by hand: starting a broker must not depend on the client that is tested against it.
 */
export async function liveBrokers(port: number, host = "127.0.0.1"): Promise<number[]> {
  const socket = connect({ port, host, signal: AbortSignal.timeout(2_000) });
  try {
    await once(socket, "connect");
    socket.write(metadataRequest());
    let answer = Buffer.alloc(0);
    for await (const chunk of socket) {
      answer = Buffer.concat([answer, chunk as Buffer]);
      if (answer.length >= 4 && answer.length >= 4 + answer.readInt32BE(0)) return brokerIds(answer);
    }
    return [];
  } catch {
    return [];
  } finally {
    socket.destroy();
  }
}

function metadataRequest(): Buffer {
  const clientId = Buffer.from("millrace-dev");
  const request = Buffer.alloc(4 + 2 + 2 + 4 + 2 + clientId.length + 4 + 1);
  let at = request.writeInt32BE(request.length - 4, 0);
  at = request.writeInt16BE(3, at); // Metadata
  at = request.writeInt16BE(4, at); // version
  at = request.writeInt32BE(1, at); // correlation id
  at = request.writeInt16BE(clientId.length, at);
  at += clientId.copy(request, at);
  request.writeInt32BE(0, at); // no topics; the last byte stays 0: create none
  return request;
}

function brokerIds(answer: Buffer): number[] {
  const ids: number[] = [];
  let at = 4 + 4 + 4; // size, correlation id, throttle time
  const count = answer.readInt32BE(at);
  at += 4;
  for (let i = 0; i < count; i++) {
    ids.push(answer.readInt32BE(at));
    at += 4;
    at += 2 + answer.readInt16BE(at); // host
    at += 4; // port
    at += 2 + Math.max(0, answer.readInt16BE(at)); // rack
  }
  return ids;
}
