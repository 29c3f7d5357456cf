/** What tests share, opened by a hook before them and disposed after them, written in one line. */
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";

/** Once for the tests of this file, or of the `describe` that it stands in. */
export function openedForAll<T extends AsyncDisposable>(open: () => Promise<T>): T {
  let now: T | undefined;
  beforeAll(async () => void (now = await open()));
  afterAll(async () => await now?.[Symbol.asyncDispose]());
  return live(() => now);
}

/** Anew for each test. */
export function openedForEach<T extends AsyncDisposable>(open: () => Promise<T>): T {
  let now: T | undefined;
  beforeEach(async () => void (now = await open()));
  afterEach(async () => await now?.[Symbol.asyncDispose]());
  return live(() => now);
}

/** Stands for what is there while tests run: each use is of what `now` gives then. It has no members to spread. */
export function live<T extends object>(now: () => T | undefined): T {
  return new Proxy({} as T, {
    get(_, key): unknown {
      const it = now();
      if (it === undefined) throw new Error(`Cannot use ${String(key)}: it is open only while tests run`);
      const member: unknown = Reflect.get(it, key, it);
      return typeof member === "function" ? (member.bind(it) as unknown) : member;
    },
    ownKeys: () => {
      throw new Error("Cannot list the members of what is opened by a hook");
    },
  });
}
