/** System calls that Node lacks, or has in modules that take longer to load than a container takes to start. */
import { fileURLToPath } from "node:url";

declare const watched: unique symbol;
/** A descriptor in the event loop. */
export interface Watch {
  readonly [watched]: true;
}

/** Of watches. */
export const READABLE = 1;
export const WRITABLE = 2;

/** What gives a number gives -errno when it fails. */
export interface Addon {
  flock(fd: number, operation: number): boolean;
  closeOnExec(): void;
  /** Of `files`, those below 0 become /dev/null. An undefined environment is ours, an empty folder is ours. Gives the pid. */
  start(
    file: string,
    argv: readonly string[],
    environment: readonly string[] | undefined,
    folder: string,
    files: readonly number[],
    hasSession: boolean,
  ): number;
  pidfd(pid: number): number;
  /** wait(2)'s status; -EAGAIN while it runs. */
  reap(pid: number): number;
  connectLocal(name: string): number;
  listenLocal(name: string): number;
  socketPair(ends: Int32Array): number;
  /** How many bytes came to `bytes[from]`; 0 at the end. */
  receive(fd: number, bytes: Uint8Array, from: number): number;
  send(fd: number, bytes: Uint8Array, from: number): number;
  endSending(fd: number): number;
  watch(fd: number, callback: (events: number) => void): Watch;
  /** `holds`: this process stays alive for it. */
  setWatch(watch: Watch, events: number, holds: boolean): void;
  /** Before the descriptor is closed. */
  unwatch(watch: Watch): void;
  /** Hex; undefined where Node's OpenSSL cannot be called. */
  sha256(bytes: Uint8Array): string | undefined;
  random(count: number): string;
  wallClock(): number;
}

let loaded: Addon | undefined;

export function addon(): Addon {
  return (loaded ??= load());
}

/** As require() would, for which an ES module needs node:module: a millisecond. */
function load(): Addon {
  const module = { exports: {} };
  process.dlopen(module, fileURLToPath(new URL("../../build/Release/strata-system.node", import.meta.url)));
  return module.exports as Addon;
}
