/** Room that upload sessions speak for, also between their requests. */
import type { Claim, Room } from "./quota-room.ts";

export interface SessionClaims {
  /** The session's own, or a new one. */
  open(repository: string, id: string): Claim;
  /** After a request: so many bytes are there now. */
  close(id: string, bytes: number): void;
  /** Forgets those that nobody went on with since `before` (milliseconds since the epoch). */
  expire(before: number): void;
}

/** `end` ends a session that nobody writes to; false when it could not. */
export function openSessionClaims(room: Room, end: (id: string) => Promise<boolean>): SessionClaims {
  const claims = new Map<string, Claim>();
  const forget = (id: string): void => {
    claims.get(id)?.[Symbol.dispose]();
    claims.delete(id);
  };
  return {
    open(repository, id): Claim {
      const claim =
        claims.get(id) ??
        room.open(repository, async () => {
          if (await end(id)) forget(id);
        });
      claims.set(id, claim);
      return claim;
    },
    close(id, bytes): void {
      if (claims.get(id)?.rest(bytes) !== true) forget(id);
    },
    expire(before): void {
      for (const [id, { restingSince }] of claims) if (restingSince !== undefined && restingSince < before) forget(id);
    },
  };
}
