/**
 * Room for newcomers: when a server has as many connections as it may, the one that has been without a request for longest
 * goes. Whoever opens many and leaves them open keeps nobody out; what is under way is never cut for it.
 */
import type { Socket } from "node:net";

export interface Connections {
  /** A new one; another may be closed for it, or itself when all are at work. */
  add(socket: Socket): void;
  /** It has a request now, until the function that comes back is called. */
  begin(socket: Socket): () => void;
  /** How many it has. */
  pending(socket: Socket): number;
}

export function openConnections(most: number): Connections {
  /** Without a request, oldest first. By address: a request over TLS shows another object for the same connection. */
  const idle = new Map<string, Socket>();
  const busy = new Map<string, number>();
  let count = 0;
  const forget = (key: string): void => {
    count--;
    idle.delete(key);
    busy.delete(key);
  };
  return {
    add(socket): void {
      const key = keyOf(socket);
      count++;
      idle.set(key, socket);
      socket.once("close", () => forget(key));
      if (count <= most) return;
      for (const oldest of idle.values()) return void oldest.destroy(); // the newcomer itself when there is no other
    },
    begin(socket): () => void {
      const key = keyOf(socket);
      const own = idle.get(key);
      idle.delete(key);
      busy.set(key, (busy.get(key) ?? 0) + 1);
      return () => {
        const left = (busy.get(key) ?? 0) - 1;
        if (left > 0) return void busy.set(key, left);
        if (busy.delete(key) && own !== undefined && !own.destroyed) idle.set(key, own);
      };
    },
    pending: (socket) => busy.get(keyOf(socket)) ?? 0,
  };
}

function keyOf({ remoteAddress = "", remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
