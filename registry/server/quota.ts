/** How much a repository may hold: its blobs and manifests, each counted once, as they are stored. */
import type { Digest } from "../../store/digest.ts";
import type { Records } from "../storage.ts";
import type { NamePattern } from "./name-pattern.ts";
import { alone, type Lease } from "./quota-lease.ts";
import type { Room } from "./quota-room.ts";
import type { Repositories } from "./repositories.ts";

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
  /** What this server's uploads speak for, and the quotas. */
  readonly room: Room;
  /** Where other servers on the same storage link too. */
  readonly leases?: Records<Lease> | undefined;
}

/**
 * Links within the quota. One at a time in a repository, so that two pushes cannot both take the last room: of this server, and of others
 * on the same storage where there are `leases`.
 * @throws {RegistryError} `DENIED`; the content is then in no repository, and the next collection takes it
 */
export function linkWithin({ repositories, room, leases }: LinkWithinOptions): Pick<Repositories, "linkBlob" | "linkManifest"> {
  const within = async (name: string, digest: Digest, added: () => Promise<number>, link: () => Promise<void>): Promise<void> => {
    const limit = await room.quotaOf(name);
    if (limit === undefined) return await link();
    const take = async (): Promise<void> => {
      const size = await added();
      if (size === 0) return await link();
      using linking = await room.forLink(name, limit, { digest, size });
      await link();
      linking.linked();
    };
    await room.explained(async () => await room.inTurn(name, async () => await (leases === undefined ? take() : alone(leases, name, take))));
  };
  return {
    linkBlob: async (name, digest, size) =>
      await within(
        name,
        digest,
        async () => ((await repositories.blob(name, digest)) === undefined ? size : 0),
        async () => await repositories.linkBlob(name, digest, size),
      ),
    linkManifest: async (name, descriptor, subject) =>
      await within(
        name,
        descriptor.digest,
        async () => ((await repositories.manifest(name, descriptor.digest)) === undefined ? descriptor.size : 0),
        async () => await repositories.linkManifest(name, descriptor, subject),
      ),
  };
}
