/** Asks this machine's own name servers what is not the cluster's to tell. */
import { createSocket } from "node:dgram";
import { readFile } from "node:fs/promises";
import { connect, isIP } from "node:net";
import { frame, messages } from "./frame.ts";

/** Each server has this long. */
const PATIENCE_MS = 2000;
const MAX_SERVERS = 3;
/** Questions under way, a socket each; one more finds no answer, as with CoreDNS. */
const MAX_ASKED = 1_000;
const PORT = 53;

export interface Upstream {
  /** The answer of the first server that gives one, as it came; undefined when there is none. */
  ask(query: Buffer, transport: "udp" | "tcp"): Promise<Buffer | undefined>;
}

/** `isOwn`: asking oneself would go round for ever. */
export function hostUpstream(isOwn: (address: string) => boolean, path = "/etc/resolv.conf"): Upstream {
  let asked = 0;
  const ask: Upstream["ask"] = async (query, transport) => {
    const text = await readFile(path, "utf8").catch(() => "");
    for (const server of foreignServers(text, isOwn)) {
      const answer = await (transport === "udp" ? byDatagram(query, server) : byStream(query, server)).catch(() => undefined);
      if (answer !== undefined) return answer;
    }
    return undefined;
  };
  return {
    async ask(query, transport): Promise<Buffer | undefined> {
      if (asked >= MAX_ASKED) return undefined;
      asked++;
      return await ask(query, transport).finally(() => asked--);
    },
  };
}

/** Servers of a resolv.conf but for one's own. */
export function foreignServers(text: string, isOwn: (address: string) => boolean): readonly string[] {
  return text
    .split("\n")
    .flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? [])
    .filter((server) => isIP(server) !== 0 && !isOwn(server))
    .slice(0, MAX_SERVERS);
}

async function byDatagram(query: Buffer, server: string): Promise<Buffer> {
  const socket = createSocket(isIP(server) === 6 ? "udp6" : "udp4");
  try {
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("timeout")), PATIENCE_MS);
      socket.once("error", reject).once("close", () => clearTimeout(timer));
      socket.on("message", (answer) => {
        if (answer.length > 2 && answer.readUInt16BE(0) === query.readUInt16BE(0)) resolve(answer);
      });
      socket.connect(PORT, server, () => socket.send(query)); /* connected: a refusal comes back as an error */
    });
  } finally {
    socket.close();
  }
}

async function byStream(query: Buffer, server: string): Promise<Buffer> {
  const socket = connect({ host: server, port: PORT, timeout: PATIENCE_MS });
  socket.on("timeout", () => socket.destroy(new Error("timeout")));
  try {
    socket.write(frame(query));
    for await (const answer of messages(socket)) return answer;
    throw new Error("no answer");
  } finally {
    socket.destroy();
  }
}
