/**
 * Room within a quota that is spoken for: the bytes of uploads, from before they come until they are the repository's or gone. What is held
 * and what is spoken for stay within the quota together, so nobody fills the disk with what is refused in the end. Of this server's uploads.
 */
import type { Digest } from "../../store/digest.ts";
import { openQueue, type Queue } from "./queue.ts";
import { Beyond, explaining, heldBy, type RefusalOptions } from "./quota-refusal.ts";

/** Bytes that `name` may hold; undefined for as many as there is room for. */
export type QuotaOf = (name: string) => Promise<number | undefined>;

export interface Room {
  /** For an upload of which nothing is there yet. `end` ends one that rests. */
  open(repository: string, end?: () => Promise<void>): Claim;
  /**
   * Room for content that is linked next, which its claims no longer speak for. To be called in turn. Dispose when it is linked, or is not.
   * @throws {Beyond}
   */
  forLink(repository: string, limit: number, content: { readonly digest: Digest; readonly size: number }): Promise<Linking>;
  readonly quotaOf: QuotaOf;
  /** Puts a refusal of `act` into words, which is not done in turn. @throws {RegistryError} `DENIED` */
  explained<Result>(act: () => Promise<Result>): Promise<Result>;
  /** One at a time of a repository. */
  readonly inTurn: Queue;
}

/** Dispose gives the room back. */
export interface Claim extends Disposable {
  /** Speaks for so many bytes in all. @throws {RegistryError} `DENIED` */
  reach(bytes: number): Promise<void>;
  /** The body of an upload that `before` bytes are here of, for as long as there is room. */
  within(body: AsyncIterable<Uint8Array>, before: number): AsyncIterable<Uint8Array>;
  /** Names what it is for, before that is linked. */
  becomes(digest: Digest): void;
  /** Nobody writes for now, and `bytes` are there. False where they are not counted. */
  rest(bytes: number): boolean;
  /** Milliseconds since the epoch; undefined while somebody writes. */
  readonly restingSince: number | undefined;
}

export interface Linking extends Disposable {
  linked(): void;
}

/** Where there are no quotas: one for all, as thousands of uploads may be under way. */
export const FREE: Claim = {
  reach: async () => await Promise.resolve(),
  within: (body) => body,
  becomes: () => undefined,
  rest: () => false,
  restingSince: undefined,
  [Symbol.dispose]: () => undefined,
};

export interface RoomOptions extends RefusalOptions {
  readonly quotaOf: QuotaOf;
  /** @default the clock */
  readonly now?: () => number;
}

/** What a repository holds is added up again after this long, and before somebody is refused. */
const FRESH_MS = 5_000;
/** An upload that nobody went on with for so long is ended when others need its room. */
const PATIENCE_MS = 30_000;

interface Entry {
  bytes: number;
  /** Undefined until it was asked for; infinite where there is none. */
  limit: number | undefined;
  digest: Digest | undefined;
  restingSince: number | undefined;
  readonly end: (() => Promise<void>) | undefined;
}

interface Account {
  held: number;
  /** Milliseconds since the epoch. */
  addedUpAt: number;
  readonly entries: Set<Entry>;
}

export function openRoom({ repositories, quotaOf, manifests, now = Date.now }: RoomOptions): Room {
  const explained: Room["explained"] = async (act) => await explaining({ repositories, manifests }, act);
  const accounts = new Map<string, Account>();
  const inTurn = openQueue();

  const enter = (repository: string, entry: Entry): Account => {
    const account = accounts.get(repository) ?? { held: 0, addedUpAt: Number.NEGATIVE_INFINITY, entries: new Set() };
    accounts.set(repository, account);
    account.entries.add(entry);
    return account;
  };
  const leave = (repository: string, entry: Entry): void => {
    const account = accounts.get(repository);
    account?.entries.delete(entry);
    if (account?.entries.size === 0) accounts.delete(repository);
  };
  /** In turn. */
  const settle = async (
    repository: string,
    account: Account,
    wanted: { readonly entry: Entry; readonly bytes: number; readonly limit: number },
  ): Promise<void> => {
    const { entry, bytes, limit } = wanted;
    account.held = await heldBy(repositories, repository);
    account.addedUpAt = now();
    const before = now() - PATIENCE_MS;
    for (const other of restingLongest(account, before)) if (!fits(account, wanted) && other !== entry) await other.end?.();
    if (!fits(account, wanted)) throw new Beyond({ name: repository, size: bytes, held: account.held, limit, coming: spokenFor(account) - entry.bytes });
    entry.bytes = bytes;
  };
  const reach = async (repository: string, entry: Entry, bytes: number): Promise<void> => {
    entry.restingSince = undefined;
    const limit = (entry.limit ??= (await quotaOf(repository)) ?? Number.POSITIVE_INFINITY);
    if (bytes <= entry.bytes || limit === Number.POSITIVE_INFINITY) return;
    const account = enter(repository, entry);
    const wanted = { entry, bytes, limit };
    if (now() - account.addedUpAt < FRESH_MS && fits(account, wanted)) entry.bytes = bytes;
    else await explained(async () => await inTurn(repository, async () => await settle(repository, account, wanted)));
  };

  return {
    quotaOf,
    explained,
    inTurn,
    open(repository, end): Claim {
      const entry: Entry = { bytes: 0, limit: undefined, digest: undefined, restingSince: undefined, end };
      return {
        reach: async (bytes) => await reach(repository, entry, bytes),
        within: (body, before) =>
          entry.limit === Number.POSITIVE_INFINITY ? body : bounded(body, before, async (bytes) => await reach(repository, entry, bytes)),
        becomes: (digest) => void (entry.digest = digest),
        rest(bytes): boolean {
          const isBounded = entry.limit === undefined ? entry.bytes > 0 : entry.limit < Number.POSITIVE_INFINITY;
          const isCounted = isBounded && bytes > 0;
          Object.assign(entry, { bytes: isCounted ? bytes : 0, limit: undefined, restingSince: now() });
          if (isCounted) enter(repository, entry);
          else leave(repository, entry);
          return isCounted;
        },
        get restingSince(): number | undefined {
          return entry.restingSince;
        },
        [Symbol.dispose]: () => leave(repository, entry),
      };
    },
    async forLink(repository, limit, { digest, size }): Promise<Linking> {
      const entry: Entry = { bytes: 0, limit, digest, restingSince: undefined, end: undefined };
      const account = enter(repository, entry);
      try {
        for (const other of account.entries) if (other.digest === digest) other.bytes = 0;
        await settle(repository, account, { entry, bytes: size, limit });
      } catch (error) {
        leave(repository, entry);
        throw error;
      }
      return {
        linked: () => void (account.held += size),
        [Symbol.dispose]: () => leave(repository, entry),
      };
    },
  };
}

async function* bounded(body: AsyncIterable<Uint8Array>, before: number, reach: (bytes: number) => Promise<void>): AsyncGenerator<Uint8Array> {
  let size = before;
  for await (const chunk of body) {
    await reach((size += chunk.length));
    yield chunk;
  }
}

function fits(account: Account, { entry, bytes, limit }: { readonly entry: Entry; readonly bytes: number; readonly limit: number }): boolean {
  return account.held + spokenFor(account) - entry.bytes + bytes <= limit;
}

function spokenFor({ entries }: Account): number {
  let bytes = 0;
  for (const entry of entries) bytes += entry.bytes;
  return bytes;
}

function restingLongest({ entries }: Account, before: number): readonly Entry[] {
  const since = ({ restingSince = Number.POSITIVE_INFINITY }: Entry): number => restingSince;
  return [...entries].filter((entry) => since(entry) < before).toSorted((a, b) => since(a) - since(b));
}
