/**
 * So many buffers and no more, for all uploads together. Who asks for one waits in line. While somebody waits, those who have one are asked to
 * put it down once they had their time: first the one that was written to longest ago.
 */
import { Room, type Lender } from "./room.ts";

export interface RoomPoolOptions {
  /** Of each buffer. */
  readonly bytes: number;
  readonly most: number;
  /** Milliseconds since it was written to, after which it is put down for others. */
  readonly idleMs: number;
  /** Milliseconds since it was first written to, likewise. */
  readonly holdMs: number;
}

interface Waiter {
  readonly putDown: () => void;
  readonly grant: (room: Room) => void;
}

interface Held {
  readonly since: number;
  readonly at: number;
}

export class RoomPool implements Lender {
  readonly #options: RoomPoolOptions;
  /** Kept as long as any is in use: what is given back to the system and taken again is cleared by it each time. */
  readonly #spare: Buffer[] = [];
  readonly #waiting = new Set<Waiter>();
  /** Those that can be put down; first the one that was written to longest ago. */
  readonly #held = new Map<Room, Held>();
  #taken = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: RoomPoolOptions) {
    this.#options = options;
  }

  /**
   * Waits for room. Once it is written to, `putDown` may be called, one time and at any moment: what is in it must be on its way when that
   * returns, and the room be freed when it has arrived. @throws what `signal` was aborted with
   */
  async take(putDown: () => void, signal: AbortSignal): Promise<Room> {
    signal.throwIfAborted();
    const { promise, leave } = this.#wait(putDown);
    const end = (): void => leave(signal.reason);
    signal.addEventListener("abort", end);
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", end);
    }
  }

  wrote(room: Room): void {
    const now = performance.now();
    const since = this.#held.get(room)?.since;
    this.#held.delete(room);
    this.#held.set(room, { since: since ?? now, at: now });
    if (since === undefined) this.#press(); // who waits could not ask for it before
  }

  kept(room: Room): void {
    this.#held.delete(room);
  }

  freed(room: Room, buffer: Buffer): void {
    this.#held.delete(room);
    this.#taken -= 1;
    this.#spare.push(buffer);
    this.#serve();
    if (this.#taken === 0) this.#spare.length = 0;
  }

  #wait(putDown: () => void): { readonly promise: Promise<Room>; readonly leave: (reason: unknown) => void } {
    let leave: (reason: unknown) => void = () => {};
    const promise = new Promise<Room>((resolve, reject) => {
      const waiter = { putDown, grant: resolve };
      leave = (reason): void => {
        this.#waiting.delete(waiter);
        reject(reason); // moot when it was granted
      };
      this.#waiting.add(waiter);
    });
    this.#serve();
    return { promise, leave };
  }

  #serve(): void {
    const { most, bytes } = this.#options;
    for (const waiter of this.#waiting) {
      if (this.#taken >= most) break;
      this.#waiting.delete(waiter);
      this.#taken += 1;
      waiter.grant(new Room(this, this.#spare.pop() ?? Buffer.allocUnsafeSlow(bytes), waiter.putDown));
    }
    this.#press();
  }

  /** As many are put down as wait for one, less those that come back anyway. */
  #press(): void {
    clearTimeout(this.#timer);
    const now = performance.now();
    let missing = this.#waiting.size - (this.#taken - this.#held.size);
    let next = Number.POSITIVE_INFINITY;
    for (const [room, held] of this.#held) {
      if (missing <= 0) return;
      const due = Math.min(held.at + this.#options.idleMs, held.since + this.#options.holdMs);
      if (due > now) next = Math.min(next, due);
      else {
        missing -= 1;
        this.#held.delete(room);
        room.putDown();
      }
    }
    if (missing > 0 && next < Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.#press(), Math.ceil(next - now));
  }
}
