/** Connections to a registry in this machine: what is sent over them leaves as fast as it is taken (http/native/dial.c). */
import { lookup } from "node:dns/promises";
import type { Socket } from "node:net";
import { buildConnector } from "undici";
import { dialLoopback } from "../../http/transfer.ts";

/** Undefined where `host` is another machine, or nobody listens. */
export async function dialNear(host: string, port: number): Promise<Socket | undefined> {
  return dialLoopback(host === "localhost" ? await addressOf(host) : host, port);
}

/** For a registry of this machine: TLS over such a connection, all else as usual. */
export function nearConnector(options: buildConnector.BuildOptions): buildConnector.connector {
  const connect = buildConnector(options);
  return (to, callback) => {
    if (to.protocol === "https:") void connectOver(connect, to, callback);
    else connect(to, callback);
  };
}

async function connectOver(connect: buildConnector.connector, to: buildConnector.Options, callback: buildConnector.Callback): Promise<void> {
  const socket = await dialNear(to.hostname.replace(/^\[|\]$/g, ""), to.port === "" ? 443 : Number(to.port));
  socket?.on("error", () => {}); // TLS says so
  try {
    connect(socket === undefined ? to : { ...to, httpSocket: socket }, callback);
  } catch (error) {
    socket?.destroy(); // a certificate that is none: nobody took it over
    callback(error as Error, null);
  }
}

/** The first that is asked, as everybody does. */
async function addressOf(name: string): Promise<string> {
  return await lookup(name).then(
    ({ address }) => address,
    () => name, // whoever connects says so
  );
}
