/** One server at a time in what is decided of a repository: a record that one holds for a moment, and that is nobody's when its server was killed. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Records } from "../storage.ts";

export interface Lease {
  readonly holder: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** Much longer than a few records take to be written. */
const LEASE_MS = 5_000;
/** Others hold it for as long as a commit takes. */
const PAUSE_MS = 5;

export async function alone<T>(leases: Records<Lease>, name: string, act: () => Promise<T>): Promise<T> {
  const holder = randomUUID();
  const take = (held: Lease | undefined): Lease => (held !== undefined && held.until > Date.now() ? held : { holder, until: Date.now() + LEASE_MS });
  while ((await leases.update(name, take))?.holder !== holder) await sleep(PAUSE_MS);
  try {
    return await act();
  } finally {
    await leases.update(name, (held) => (held?.holder === holder ? undefined : held));
  }
}
