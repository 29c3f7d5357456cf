/** How much a repository may hold: its blobs and manifests, each counted once, as they are stored. */
import type { Digest } from "../../store/digest.ts";
import { decimalSize } from "../../store/decimal-size.ts";
import { RegistryError } from "../errors.ts";
import type { Records } from "../storage.ts";
import type { NamePattern } from "./name-pattern.ts";
import { neededIn, type ManifestSource } from "./needed.ts";
import { alone, type Lease } from "./quota-lease.ts";
import type { Repositories } from "./repositories.ts";

/** Manifests of a repository that are read to tell of it. */
const MAX_READ = 256;

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

export interface LinkWithinOptions {
  readonly repositories: Repositories;
  readonly quotaOf: QuotaOf;
  /** Read when somebody is refused, to tell what is of no image. */
  readonly manifests: ManifestSource;
  /** Where other servers on the same storage link too. */
  readonly leases?: Records<Lease> | undefined;
}

/**
 * Links within the quota. One at a time in a repository, so that two pushes cannot both take the last room: of this server, and of others
 * on the same storage where there are `leases`.
 * @throws {RegistryError} `DENIED`; the content is then in no repository, and the next collection takes it
 */
export function linkWithin({ repositories, quotaOf, manifests, leases }: LinkWithinOptions): Pick<Repositories, "linkBlob" | "linkManifest"> {
  const turns = new Map<string, Promise<unknown>>();
  const within = async (name: string, added: () => Promise<number>, link: () => Promise<void>): Promise<void> => {
    const limit = await quotaOf(name);
    if (limit === undefined) return await link();
    const take = async (): Promise<Excess | undefined> => {
      const excess = await excessOf(repositories, limit, name, await added());
      if (excess === undefined) await link();
      return excess;
    };
    const before = (turns.get(name) ?? Promise.resolve()).catch(() => undefined);
    const turn = before.then(async () => await (leases === undefined ? take() : alone(leases, name, take)));
    turns.set(name, turn);
    const excess = await turn.finally(() => {
      if (turns.get(name) === turn) turns.delete(name);
    });
    if (excess !== undefined) throw refusal(name, excess, await bytesOfNoImage(repositories, manifests, name));
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

interface Excess {
  readonly size: number;
  readonly held: number;
  readonly limit: number;
}

/** Undefined where there is room for `size` bytes more. */
async function excessOf(repositories: Repositories, limit: number, name: string, size: number): Promise<Excess | undefined> {
  if (size === 0) return undefined;
  const held = sum([...(await repositories.blobs(name)), ...(await repositories.manifests(name))]);
  return held + size <= limit ? undefined : { size, held, limit };
}

function refusal(name: string, { size, held, limit }: Excess, loose: number): RegistryError {
  const most = `Cannot store ${decimalSize(size)} in ${name}: it holds ${decimalSize(held)} of the ${decimalSize(limit)} that it may`;
  const rest = `, ${decimalSize(loose)} of it of no image yet or any more, which strata registry gc lets go of after an hour`;
  return new RegistryError("DENIED", loose === 0 ? most : most + rest, { detail: { name, held, limit, size, ...(loose === 0 ? {} : { loose }) } });
}

/** What no manifest names counts on until a collection. 0 where that would take long to tell, or cannot be told. */
async function bytesOfNoImage(repositories: Repositories, source: ManifestSource, name: string): Promise<number> {
  const manifests = new Map(await repositories.manifests(name));
  if (manifests.size > MAX_READ) return 0;
  try {
    const needed = await neededIn(repositories, source, name, { manifests });
    return sum((await repositories.blobs(name)).filter(([digest]) => !needed.has(digest)));
  } catch {
    return 0; // one that is damaged changes nothing of the refusal
  }
}

function sum(links: readonly (readonly [Digest, { readonly size: number }])[]): number {
  return links.reduce((bytes, [, { size }]) => bytes + size, 0);
}
