/**
 * A lock between processes that ends with its holder: an abstract socket of this network namespace.
 * Waiters hang on a connection to the holder, so nobody polls and a killed holder frees it.
 */
import { closeSync } from "node:fs";
import { addon } from "../../system/addon.ts";
import { EADDRINUSE, ECONNREFUSED, systemError } from "../../system/errno.ts";
import { openSocket, tryConnecting } from "../../system/local-socket.ts";

export interface Lock extends AsyncDisposable {
  /** For a program that goes on when this process is killed: it is let go when both have ended. */
  readonly fd: number;
}

export interface Patience {
  /** Called once, when it has waited for so long. */
  readonly whenSlow: () => void;
  readonly slowMs: number;
}

export async function lock(name: string, patience?: Patience): Promise<Lock> {
  const free = tryLock(name);
  if (free !== undefined) return free;
  const timer = patience && setTimeout(patience.whenSlow, patience.slowMs);
  try {
    for (;;) {
      await released(name);
      const held = tryLock(name);
      if (held !== undefined) return held;
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Undefined when someone else holds it. Nobody accepts the waiters' connections: they end with the socket that they wait at. */
export function tryLock(name: string): Lock | undefined {
  const fd = addon().listenLocal(nameOf(name));
  if (fd === -EADDRINUSE) return undefined;
  if (fd < 0) throw systemError("bind", fd, name);
  return {
    fd,
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.resolve(closeSync(fd));
    },
  };
}

async function released(name: string): Promise<void> {
  const fd = await tryConnecting(nameOf(name));
  if (fd === -ECONNREFUSED) return; // it has just been let go
  if (fd < 0) throw systemError("connect", fd, name);
  await new Promise<void>((resolve) => {
    openSocket(fd, { data: () => {}, close: () => resolve() });
  });
}

function nameOf(name: string): string {
  return `\0strata/${name}`;
}
