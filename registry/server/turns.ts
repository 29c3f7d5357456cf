/** One request at a time writes to a session. The others wait, but not many: each holds a connection that nothing is read from. */
import { RegistryError } from "../errors.ts";

export interface Turns {
  /** Whether somebody has the turn, or waits for it. */
  isTaken(session: string): boolean;
  /** Waits for its turn, which lasts until the function that comes back is called. @throws {RegistryError} `TOOMANYREQUESTS` */
  take(session: string): Promise<() => void>;
}

/** With the one whose turn it is. A client that was cut off asks again beside the request that it lost. */
const MOST = 4;

interface Line {
  count: number;
  last: Promise<void>;
}

export function openTurns(): Turns {
  const lines = new Map<string, Line>();
  return {
    isTaken: (session) => lines.has(session),
    async take(session): Promise<() => void> {
      const line = lines.get(session) ?? { count: 0, last: Promise.resolve() };
      if (line.count >= MOST) throw new RegistryError("TOOMANYREQUESTS", `Cannot write to upload ${JSON.stringify(session)}: ${MOST} requests do already`);
      lines.set(session, line);
      line.count += 1;
      const before = line.last;
      let next = (): void => {};
      line.last = new Promise<void>((resolve) => (next = resolve));
      await before;
      return () => {
        line.count -= 1;
        if (line.count === 0) lines.delete(session);
        next();
      };
    },
  };
}
