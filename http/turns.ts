/**
 * Of requests that a client pipelines, those that change something are worked on alone: what comes before is answered, what comes behind waits.
 * Spec: RFC 9112, section 9.3.2.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** True: at once, or when those before are answered. False when the client left meanwhile. */
export type Turns = (message: IncomingMessage, response: ServerResponse) => Promise<boolean> | true;

const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

export function openTurns(): Turns {
  const changing = new WeakMap<Socket, number>();
  const add = (socket: Socket, count: number): void => void changing.set(socket, (changing.get(socket) ?? 0) + count);
  const waiting = openWaiting();
  return (message, response) => {
    const { socket } = message;
    const isSafe = SAFE.has(message.method ?? "");
    const isBehind = response.socket === null && !(isSafe && (changing.get(socket) ?? 0) === 0);
    if (!isSafe) {
      add(socket, 1);
      response.once("close", () => add(socket, -1));
    }
    if (!isBehind) return true;
    return new Promise((resolve) => {
      const leave = (): void => resolve(false);
      const here = waiting(socket).add(leave);
      response.once("socket", () => {
        here.delete(leave);
        resolve(true);
      });
    });
  };
}

/** Who is to be told that a connection was closed: many may wait on one, which hears of its end once. */
function openWaiting(): (socket: Socket) => Set<() => void> {
  const waiting = new WeakMap<Socket, Set<() => void>>();
  return (socket) => {
    const known = waiting.get(socket);
    if (known !== undefined) return known;
    const here = new Set<() => void>();
    waiting.set(socket, here);
    socket.once("close", () => here.forEach((leave) => leave()));
    return here;
  };
}
