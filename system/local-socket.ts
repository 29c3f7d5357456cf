/**
 * A stream to another process of this machine: what node:net does, which takes 7 ms to load, and no more than is needed here.
 * Spec: unix(7).
 */
import { closeSync } from "node:fs";
import { addon, READABLE, WRITABLE, type Watch } from "./addon.ts";
import { EAGAIN, systemError } from "./errno.ts";

const SLAB_BYTES = 64 << 10;
const LEAST_ROOM = 4 << 10;
/** Reads of one turn. */
const MOST_AT_ONCE = 16;
/** Of bytes that wait to be sent, beyond which `write` asks for patience. */
const HIGH_WATER = 64 << 10;

export interface Listener {
  data(bytes: Buffer): void;
  /** Once, at the end of what the other side sent, or at an error, or after `destroy`. */
  close(error: Error | undefined): void;
}

/** Reads at once, unless it is paused. What it cannot send it keeps. */
export type { LocalSocket };

class LocalSocket {
  readonly #fd: number;
  readonly #watch: Watch;
  readonly #listener: Listener;
  readonly #unsent: Uint8Array[] = [];
  /** Of the first of them. */
  #sent = 0;
  #waiting = 0;
  #slab: Buffer | undefined;
  #used = 0;
  #reads = true;
  #sends = true;
  #holds = true;
  #closed = false;
  #drained: (() => void)[] = [];

  constructor(fd: number, listener: Listener) {
    this.#fd = fd;
    this.#listener = listener;
    this.#watch = addon().watch(fd, (events) => this.#ready(events));
    this.#settle();
  }

  /** False when so much waits that the caller should, with `drained`. What is written after the other side went away is dropped. */
  write(bytes: Uint8Array): boolean {
    if (this.#closed || !this.#sends || bytes.length === 0) return true;
    this.#unsent.push(bytes);
    this.#waiting += bytes.length;
    this.#send();
    this.#settle();
    return this.#waiting < HIGH_WATER;
  }

  /** All is sent that was to be, or never will be. */
  async drained(): Promise<void> {
    if (this.#waiting === 0) return;
    await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  pause(): void {
    this.#reads = false;
    this.#settle();
  }

  resume(): void {
    this.#reads = true;
    this.#settle();
  }

  /** This process may end although it is open. */
  unref(): void {
    this.#holds = false;
    this.#settle();
  }

  destroy(error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    addon().unwatch(this.#watch);
    closeSync(this.#fd);
    this.#stopSending();
    this.#listener.close(error);
  }

  #ready(events: number): void {
    if ((events & WRITABLE) !== 0) this.#send();
    if ((events & READABLE) !== 0 && this.#reads) this.#receive();
    this.#settle();
  }

  #settle(): void {
    if (this.#closed) return;
    const events = (this.#reads ? READABLE : 0) | (this.#unsent.length > 0 ? WRITABLE : 0);
    addon().setWatch(this.#watch, events, this.#holds);
  }

  /** What is left comes in the loop's next turn: others are to have theirs though this side never stops. */
  #receive(): void {
    for (let times = 0; times < MOST_AT_ONCE && this.#reads && !this.#closed; times++) {
      if (this.#slab === undefined || SLAB_BYTES - this.#used < LEAST_ROOM) [this.#slab, this.#used] = [Buffer.allocUnsafeSlow(SLAB_BYTES), 0];
      const slab = this.#slab;
      const from = this.#used;
      const count = addon().receive(this.#fd, slab, from);
      if (count === -EAGAIN) return;
      if (count <= 0) {
        this.destroy(count === 0 ? undefined : systemError("read", count));
        return;
      }
      this.#used += count;
      this.#listener.data(slab.subarray(from, from + count));
    }
  }

  #send(): void {
    for (let [bytes] = this.#unsent; bytes !== undefined && this.#sends; [bytes] = this.#unsent) {
      const count = addon().send(this.#fd, bytes, this.#sent);
      if (count === -EAGAIN) return;
      if (count < 0) {
        this.#stopSending(); // what the other side sent before it went is still to be read, and then its end
        return;
      }
      this.#waiting -= count;
      this.#sent += count;
      if (this.#sent < bytes.length) continue;
      this.#unsent.shift();
      this.#sent = 0;
    }
    this.#tellDrained();
  }

  #stopSending(): void {
    this.#sends = false;
    this.#unsent.length = 0;
    this.#waiting = 0;
    this.#tellDrained();
  }

  #tellDrained(): void {
    for (const tell of this.#drained.splice(0)) tell();
  }
}

/** Takes a descriptor that does not wait, and closes it at the end, also when it throws. */
export function openSocket(fd: number, listener: Listener): LocalSocket {
  try {
    return new LocalSocket(fd, listener);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

const CROWDED_MS = 10;

/** The descriptor, or -errno. Where as many wait as the kernel lets, it waits for its turn. */
export async function tryConnecting(name: string): Promise<number> {
  for (;;) {
    const fd = addon().connectLocal(name);
    if (fd !== -EAGAIN) return fd;
    await new Promise((resolve) => setTimeout(resolve, CROWDED_MS));
  }
}
