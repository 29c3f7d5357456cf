/** How much a repository may hold: its blobs, each counted once, as they are stored. */
import type { Digest } from "../../store/digest.ts";
import { RegistryError } from "../errors.ts";
import type { Repositories } from "./repositories.ts";

/** Bytes that `name` may hold; undefined for as many as there is room for. */
export type QuotaOf = (name: string) => Promise<number | undefined>;

export interface QuotaRule {
  readonly repositories: readonly RegExp[];
  readonly bytes: number;
}

/** The least of the rules that match. */
export function quotaFor(rules: readonly QuotaRule[], name: string): number | undefined {
  const bytes = rules.filter(({ repositories }) => repositories.some((pattern) => pattern.test(name))).map((rule) => rule.bytes);
  return bytes.length === 0 ? undefined : Math.min(...bytes);
}

/**
 * Links blobs within the quota. One at a time in a repository, so that two pushes to this server cannot both take the last room.
 * @throws {RegistryError} `DENIED`; the blob is then in no repository, and the next collection takes it
 */
export function linkWithin(repositories: Repositories, quotaOf: QuotaOf): Repositories["linkBlob"] {
  const turns = new Map<string, Promise<void>>();
  return async (name, digest, size) => {
    const limit = await quotaOf(name);
    if (limit === undefined) return await repositories.linkBlob(name, digest, size);
    const turn = (turns.get(name) ?? Promise.resolve()).catch(() => undefined).then(async () => await linkUpTo(repositories, limit, name, digest, size));
    turns.set(name, turn);
    await turn.finally(() => {
      if (turns.get(name) === turn) turns.delete(name);
    });
  };
}

async function linkUpTo(repositories: Repositories, limit: number, name: string, digest: Digest, size: number): Promise<void> {
  if (repositories.blob(name, digest) !== undefined) return;
  const held = repositories.blobs(name).reduce((sum, [, blob]) => sum + blob.size, 0);
  if (held + size > limit) {
    throw new RegistryError("DENIED", `Cannot store ${size} bytes in ${name}: it holds ${held} of the ${limit} that it may`, {
      detail: { name, held, limit, size },
    });
  }
  await repositories.linkBlob(name, digest, size);
}

const UNITS: Readonly<Record<string, number>> = { "": 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

/** `10GB`, `512MiB`, `1000`. Undefined for anything else. */
export function parseQuota(text: string): number | undefined {
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(text) ?? [];
  const factor = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
  return number === "" || factor === undefined ? undefined : Math.floor(Number(number) * factor);
}
