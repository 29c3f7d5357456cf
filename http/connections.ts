/**
 * Room for newcomers: when a server has as many connections as it may, the one whose body creeps for longest goes, where none does the one
 * that has been without a request for longest, and then the one that reads next to nothing. Whoever opens many and leaves them keeps nobody
 * out; what moves is never cut for it.
 */
import type { Socket } from "node:net";
import { isCreeping } from "./pace.ts";

export interface Connections {
  /** A new one; another may be closed for it, or itself when all are at work. */
  add(socket: Socket): void;
  /** It has a request now, until the function that comes back is called. */
  begin(socket: Socket): () => void;
  /** How many it has. */
  pending(socket: Socket): number;
  /** A body that is going to be waited for. */
  body(socket: Socket): Awaited;
  /** A reply that its reader is going to be waited for. */
  reply(socket: Socket): Awaited;
}

/** What a server knows of bytes that it waits for, or for somebody to take. */
export interface Awaited {
  /** Waits from now on. `moved` tells how many bytes were moved since it was asked last, where nobody calls `came`. */
  waits(moved?: () => number): void;
  /** Bytes were moved. */
  came(bytes: number): void;
  /** Nothing more is waited for. */
  ended(): void;
}

/** Nobody is called creeping, or idle before those who hardly read, sooner. */
const CREEP_MS = 1_000;

interface Idle {
  readonly socket: Socket;
  readonly since: number;
}

interface Wait {
  readonly socket: Socket;
  readonly moved: () => number;
  since: number;
  bytes: number;
}

export function openConnections(most: number): Connections {
  /** Without a request, oldest first. By address: a request over TLS shows another object for the same connection. */
  const idle = new Map<string, Idle>();
  const busy = new Map<string, number>();
  /** Those whose next bytes are waited for; first the one that has been too slow for longest. */
  const waiting = new Map<string, Wait>();
  const reading = new Map<string, Wait>();
  let count = 0;
  const forget = (key: string): void => {
    count--;
    idle.delete(key);
    busy.delete(key);
    waiting.delete(key);
    reading.delete(key);
  };
  /** The newcomer itself when there is no other. */
  const leastWorth = (): Socket | undefined => {
    const [oldest] = idle.values();
    const isIdle = oldest !== undefined && performance.now() - oldest.since >= CREEP_MS;
    return creeping(waiting) ?? (isIdle ? oldest.socket : (creeping(reading) ?? oldest?.socket));
  };
  const rest = (key: string, socket: Socket): void => void idle.set(key, { socket, since: performance.now() });
  return {
    add(socket): void {
      const key = keyOf(socket);
      count++;
      rest(key, socket);
      socket.once("close", () => forget(key));
      if (count > most) leastWorth()?.destroy();
    },
    begin(socket): () => void {
      const key = keyOf(socket);
      const own = idle.get(key)?.socket;
      idle.delete(key);
      busy.set(key, (busy.get(key) ?? 0) + 1);
      return () => {
        const left = (busy.get(key) ?? 0) - 1;
        if (left > 0) return void busy.set(key, left);
        if (busy.delete(key) && own !== undefined && !own.destroyed) rest(key, own);
      };
    },
    pending: (socket) => busy.get(keyOf(socket)) ?? 0,
    body: (socket) => awaited(waiting, socket),
    reply: (socket) => awaited(reading, socket),
  };
}

function awaited(waiting: Map<string, Wait>, socket: Socket): Awaited {
  const key = keyOf(socket);
  return {
    waits(moved = () => 0): void {
      if (!waiting.has(key)) waiting.set(key, { socket, moved, since: performance.now(), bytes: 0 });
    },
    came(bytes): void {
      const wait = waiting.get(key);
      if (wait === undefined) return;
      wait.bytes += bytes;
      if (!isCreeping(wait.bytes, performance.now() - wait.since)) waiting.delete(key); // its place is the last when it is waited for again
    },
    ended: () => void waiting.delete(key),
  };
}

function creeping(waiting: Map<string, Wait>): Socket | undefined {
  for (const [key, wait] of waiting) {
    const waited = performance.now() - wait.since;
    if (waited < CREEP_MS) return undefined;
    wait.bytes += wait.moved();
    waiting.delete(key);
    if (isCreeping(wait.bytes, waited)) return wait.socket;
    waiting.set(key, { ...wait, since: performance.now(), bytes: 0 });
  }
  return undefined;
}

function keyOf({ remoteAddress = "", remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
