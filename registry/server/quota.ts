/** How much a repository may hold: its blobs and manifests, each counted once, as they are stored. */
import { RegistryError } from "../errors.ts";
import type { Records } from "../storage.ts";
import type { NamePattern } from "./name-pattern.ts";
import { alone, type Lease } from "./quota-lease.ts";
import type { Repositories } from "./repositories.ts";

/** Bytes that `name` may hold; undefined for as many as there is room for. */
export type QuotaOf = (name: string) => Promise<number | undefined>;

export interface QuotaRule {
  readonly repositories: readonly NamePattern[];
  readonly bytes: number;
}

/** The least of the rules that match. */
export function quotaFor(rules: readonly QuotaRule[], name: string): number | undefined {
  const bytes = rules.filter(({ repositories }) => repositories.some((matches) => matches(name))).map((rule) => rule.bytes);
  return bytes.length === 0 ? undefined : Math.min(...bytes);
}

/**
 * Links within the quota. One at a time in a repository, so that two pushes cannot both take the last room: of this server, and of others
 * on the same storage where there are `leases`.
 * @throws {RegistryError} `DENIED`; the content is then in no repository, and the next collection takes it
 */
export function linkWithin(repositories: Repositories, quotaOf: QuotaOf, leases: Records<Lease> | undefined): Pick<Repositories, "linkBlob" | "linkManifest"> {
  const turns = new Map<string, Promise<void>>();
  const within = async (name: string, added: () => Promise<number>, link: () => Promise<void>): Promise<void> => {
    const limit = await quotaOf(name);
    if (limit === undefined) return await link();
    const take = async (): Promise<void> => {
      await refuseBeyond(repositories, limit, name, await added());
      await link();
    };
    const before = (turns.get(name) ?? Promise.resolve()).catch(() => undefined);
    const turn = before.then(async () => await (leases === undefined ? take() : alone(leases, name, take)));
    turns.set(name, turn);
    await turn.finally(() => {
      if (turns.get(name) === turn) turns.delete(name);
    });
  };
  return {
    linkBlob: async (name, digest, size) =>
      await within(
        name,
        async () => ((await repositories.blob(name, digest)) === undefined ? size : 0),
        async () => await repositories.linkBlob(name, digest, size),
      ),
    linkManifest: async (name, descriptor, subject) =>
      await within(
        name,
        async () => ((await repositories.manifest(name, descriptor.digest)) === undefined ? descriptor.size : 0),
        async () => await repositories.linkManifest(name, descriptor, subject),
      ),
  };
}

async function refuseBeyond(repositories: Repositories, limit: number, name: string, size: number): Promise<void> {
  if (size === 0) return;
  const held = [...(await repositories.blobs(name)), ...(await repositories.manifests(name))].reduce((sum, [, link]) => sum + link.size, 0);
  if (held + size <= limit) return;
  throw new RegistryError("DENIED", `Cannot store ${size} bytes in ${name}: it holds ${held} of the ${limit} that it may`, {
    detail: { name, held, limit, size },
  });
}

const UNITS: Readonly<Record<string, number>> = { "": 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

/** `10GB`, `512MiB`, `1000`. Undefined for anything else. */
export function parseQuota(text: string): number | undefined {
  const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?) ?([A-Za-z]*)$/.exec(text) ?? [];
  const factor = Object.hasOwn(UNITS, unit) ? UNITS[unit] : undefined;
  return number === "" || factor === undefined ? undefined : Math.floor(Number(number) * factor);
}
