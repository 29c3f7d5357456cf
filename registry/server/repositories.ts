/**
 * What each repository holds: links to blobs and manifests, tags, referrers. The bytes are in the storage;
 * a blob is readable only through a repository that links it. Keys are `<name>@<digest>` and `<name>:<tag>`.
 */
import { setImmediate as others } from "node:timers/promises";
import type { Digest } from "../../store/digest.ts";
import type { Descriptor } from "../../store/oci.ts";
import { RegistryError } from "../errors.ts";
import { inBatches } from "./in-batches.ts";
import type { KeyPage } from "../../store/tables.ts";
import type { Awaitable, Records, Storage } from "../storage.ts";

export interface BlobLink {
  readonly size: number;
  /** Milliseconds since the epoch: linked, or relied on again by a push. */
  readonly linkedAt: number;
}

export interface ManifestLink {
  readonly mediaType: string;
  readonly size: number;
  readonly subject?: Digest;
  /** Milliseconds since the epoch. */
  readonly pushedAt: number;
  /** Likewise: a push relied on it again. */
  readonly renewedAt?: number;
}

export interface Repositories {
  exists(name: string): Promise<boolean>;
  /** Names, sorted. */
  names(): Promise<readonly string[]>;
  /** Forgets the name of a repository that holds nothing and was there before (milliseconds since the epoch). */
  leave(name: string, before: number): Promise<boolean>;
  blob(name: string, digest: Digest): Awaitable<BlobLink | undefined>;
  /** Idempotent; makes a link that is there young. */
  readonly linkBlob: (name: string, digest: Digest, size: number) => Promise<void>;
  /** A lease: makes the link young, so that no collection takes what a push is about to rely on. False when there is none. */
  renewBlob(name: string, digest: Digest): Promise<boolean>;
  unlinkBlob(name: string, digest: Digest): Promise<boolean>;
  /** As `unlinkBlob`, unless it became young since `before` (milliseconds since the epoch). */
  releaseBlob(name: string, digest: Digest, before: number): Promise<boolean>;
  /** Some repository that links the blob and that `readable` admits. */
  holder(digest: Digest, readable: (name: string) => boolean): Promise<string | undefined>;
  blobs(name: string): Promise<readonly (readonly [Digest, BlobLink])[]>;
  manifest(name: string, digest: Digest): Awaitable<ManifestLink | undefined>;
  manifests(name: string): Promise<readonly (readonly [Digest, ManifestLink])[]>;
  /** Records it, and as a referrer of its subject; idempotent. */
  readonly linkManifest: (name: string, descriptor: Descriptor, subject: Digest | undefined) => Promise<void>;
  /** A lease, as `renewBlob`. */
  renewManifest(name: string, digest: Digest): Promise<boolean>;
  /** Removes its tags too. */
  unlinkManifest(name: string, digest: Digest): Promise<boolean>;
  /** Of one without tags: as `unlinkManifest`, unless it became young since `before`. */
  releaseManifest(name: string, digest: Digest, before: number): Promise<boolean>;
  /** Sorted; may be more than is wanted, never less. */
  tags(name: string, wanted?: KeyPage): Promise<readonly string[]>;
  tag(name: string, tag: string): Awaitable<Digest | undefined>;
  setTag(name: string, tag: string, digest: Digest): Promise<void>;
  removeTag(name: string, tag: string): Promise<boolean>;
  /** Sorted by digest; as `tags`. */
  referrers(name: string, subject: Digest, wanted?: KeyPage): Promise<readonly Descriptor[]>;
  /** Of every subject: the subject, and who refers to it. */
  allReferrers(name: string): Promise<readonly (readonly [subject: Digest, referrer: Digest])[]>;
}

const ONE: KeyPage = { after: undefined, limit: 1 };
/** Tags that are looked at, and removed, at once. */
const BATCH = 1_000;
/** Names of tags that are read before others are answered. */
const MANY = 5_000;

interface Tables {
  readonly repositories: Records<{ readonly createdAt: number }>;
  readonly blobs: Records<BlobLink>;
  readonly manifests: Records<ManifestLink>;
  readonly tags: Records<Digest>;
  readonly referrers: Records<Descriptor>;
}

export function openRepositories(storage: Pick<Storage, "table" | "isKept">): Repositories {
  const tables: Tables = {
    repositories: storage.table("registry.repositories"),
    blobs: storage.table("registry.blobs"),
    manifests: storage.table("registry.manifests"),
    tags: storage.table("registry.tags"),
    referrers: storage.table("registry.referrers"),
  };
  return {
    exists: async (name) => (await tables.repositories.get(name)) !== undefined,
    names: async () => await tables.repositories.keys(""),
    leave: async (name, before) => await leave(tables, name, before),
    ...blobLinks(tables, storage),
    ...manifestLinks(tables, storage),
    ...tagLinks(tables),
    async referrers(name, subject, wanted): Promise<readonly Descriptor[]> {
      const prefix = `${name}@${subject}@`;
      const page = wanted && { ...wanted, after: wanted.after === undefined ? undefined : prefix + wanted.after };
      return (await tables.referrers.list(prefix, page)).map(([, descriptor]) => descriptor);
    },
    allReferrers: async (name) => (await tables.referrers.keys(`${name}@`)).map((key) => key.slice(name.length + 1).split("@") as [Digest, Digest]),
  };
}

type Part<Key extends keyof Repositories> = Pick<Repositories, Key>;

type BlobPart = "blob" | "blobs" | "linkBlob" | "renewBlob" | "unlinkBlob" | "releaseBlob" | "holder";

function blobLinks({ repositories, blobs }: Tables, storage: Pick<Storage, "isKept">): Part<BlobPart> {
  return {
    blob: (name, digest) => blobs.get(`${name}@${digest}`),
    blobs: async (name) => await linked(blobs, name),
    async linkBlob(name, digest, size): Promise<void> {
      await enter(repositories, name);
      await blobs.put(`${name}@${digest}`, { size, linkedAt: Date.now() });
      await enter(repositories, name);
      if (!(await storage.isKept(digest))) await taken(digest, async () => await blobs.remove(`${name}@${digest}`));
    },
    async renewBlob(name, digest): Promise<boolean> {
      return (await blobs.update(`${name}@${digest}`, (link) => link && { ...link, linkedAt: Date.now() })) !== undefined;
    },
    unlinkBlob: async (name, digest) => await blobs.remove(`${name}@${digest}`),
    releaseBlob: async (name, digest, before) => await release(blobs, `${name}@${digest}`, ({ linkedAt }) => linkedAt < before),
    async holder(digest, readable): Promise<string | undefined> {
      for (const name of await repositories.keys("")) if (readable(name) && (await blobs.get(`${name}@${digest}`)) !== undefined) return name;
      return undefined;
    },
  };
}

type ManifestPart = "manifest" | "manifests" | "linkManifest" | "renewManifest" | "unlinkManifest" | "releaseManifest";

function manifestLinks({ repositories, manifests, tags, referrers }: Tables, storage: Pick<Storage, "isKept">): Part<ManifestPart> {
  return {
    manifest: (name, digest) => manifests.get(`${name}@${digest}`),
    manifests: async (name) => await linked(manifests, name),
    async linkManifest(name, descriptor, subject): Promise<void> {
      const { digest, mediaType, size } = descriptor;
      await enter(repositories, name);
      await manifests.put(`${name}@${digest}`, { mediaType, size, pushedAt: Date.now(), ...(subject === undefined ? {} : { subject }) });
      await enter(repositories, name);
      if (!(await storage.isKept(digest))) await taken(digest, async () => await manifests.remove(`${name}@${digest}`));
      if (subject !== undefined) await referrers.put(`${name}@${subject}@${digest}`, descriptor); // after: `releaseManifest` relies on it
    },
    async renewManifest(name, digest): Promise<boolean> {
      return (await manifests.update(`${name}@${digest}`, (link) => link && { ...link, renewedAt: Date.now() })) !== undefined;
    },
    async unlinkManifest(name, digest): Promise<boolean> {
      const link = await manifests.get(`${name}@${digest}`);
      await untag(tags, name, digest);
      if (link?.subject !== undefined) await referrers.remove(`${name}@${link.subject}@${digest}`);
      await manifests.remove(`${name}@${digest}`); // a collection may have been quicker, once the tags were gone
      for (const key of await untag(tags, name, digest)) {
        const isBack = (await manifests.get(`${name}@${digest}`)) !== undefined; // pushed again meanwhile, before its tag was set
        if (isBack) await tags.update(key, (current) => current ?? digest);
      }
      return link !== undefined;
    },
    async releaseManifest(name, digest, before): Promise<boolean> {
      const subject = (await manifests.get(`${name}@${digest}`))?.subject;
      if (!(await release(manifests, `${name}@${digest}`, (link) => lastUse(link) < before))) return false;
      if (subject === undefined) return true;
      const key = `${name}@${subject}@${digest}`;
      const entry = await referrers.get(key);
      await referrers.remove(key);
      const isBack = (await manifests.get(`${name}@${digest}`)) !== undefined; // pushed again meanwhile; if it comes later, so does its entry
      if (isBack && entry !== undefined) await referrers.put(key, entry);
      return true;
    },
  };
}

/** Milliseconds since the epoch at which a push last relied on it. */
export function lastUse({ pushedAt, renewedAt = 0 }: ManifestLink): number {
  return Math.max(pushedAt, renewedAt);
}

/** Removes it in one transaction with the look whether it is old. */
async function release<Link>(table: Records<Link>, key: string, isOld: (link: Link) => boolean): Promise<boolean> {
  let released = false;
  await table.update(key, (link) => {
    released = link !== undefined && isOld(link);
    return released ? undefined : link;
  });
  return released;
}

function tagLinks({ tags }: Tables): Part<"tags" | "tag" | "setTag" | "removeTag"> {
  return {
    tags: async (name, wanted) => await namesOf(tags, name, wanted),
    tag: (name, tag) => tags.get(`${name}:${tag}`),
    setTag: async (name, tag, digest) => await tags.put(`${name}:${tag}`, digest),
    removeTag: async (name, tag) => await tags.remove(`${name}:${tag}`),
  };
}

/** Others are answered in between. */
async function namesOf(tags: Tables["tags"], name: string, { after, limit }: Partial<KeyPage> = {}): Promise<readonly string[]> {
  const found: string[] = [];
  const wanted = limit ?? Number.POSITIVE_INFINITY;
  for (let last = after === undefined ? "" : `${name}:${after}`; ;) {
    const most = Math.min(MANY, wanted - found.length);
    const keys = await tags.keys(`${name}:`, { after: last === "" ? undefined : last, limit: most });
    for (const key of keys) if (key > last) found.push(key.slice(name.length + 1)); // a page may begin earlier
    if (keys.length < most || found.length >= wanted) return found;
    last = keys.at(-1) ?? "";
    await others();
  }
}

/** Tags that name something else by now stay. Gives the keys of those that are gone. Others are answered in between. */
async function untag(tags: Tables["tags"], name: string, digest: Digest): Promise<readonly string[]> {
  const gone: string[] = [];
  for (let after: string | undefined; ;) {
    const batch = await tags.list(`${name}:`, { after, limit: BATCH }); // one may begin earlier than its page: what is gone is not listed again
    const keys = batch.filter(([, target]) => target === digest).map(([key]) => key);
    await removeThose(tags, keys, digest);
    gone.push(...keys);
    if (batch.length < BATCH) return gone;
    after = batch.at(-1)?.[0];
    await others();
  }
}

/** In one transaction where that can be had. */
async function removeThose(tags: Tables["tags"], keys: readonly string[], digest: Digest): Promise<void> {
  if (keys.length === 0) return;
  if (tags.transact === undefined) return await inBatches(keys, async (key) => await tags.update(key, (current) => (current === digest ? undefined : current)));
  await tags.transact((rows) => {
    for (const key of keys) if (rows.get(key) === digest) rows.remove(key);
  });
}

/** A link to what is gone would be broken. */
async function taken(digest: Digest, unlink: () => Promise<unknown>): Promise<never> {
  await unlink();
  throw new RegistryError("STORAGE_FAILED", `Cannot link ${digest}: a collection took it at this moment`, { hint: "Push it again" });
}

/** Before a link, so that none is ever in a repository that lists do not show, and after it, for the name may have been left meanwhile. */
async function enter(repositories: Tables["repositories"], name: string): Promise<void> {
  if ((await repositories.get(name)) === undefined) await repositories.put(name, { createdAt: Date.now() });
}

async function leave({ repositories, blobs, manifests, tags }: Tables, name: string, before: number): Promise<boolean> {
  const record = await repositories.get(name);
  const holds = async (): Promise<boolean> => {
    const keys = await Promise.all([blobs.keys(`${name}@`, ONE), manifests.keys(`${name}@`, ONE), tags.keys(`${name}:`, ONE)]);
    return keys.some(({ length }) => length > 0);
  };
  if (record === undefined || record.createdAt >= before || (await holds())) return false;
  await repositories.remove(name);
  if (!(await holds())) return true; // who links after this look enters it again
  await enter(repositories, name);
  return false;
}

async function linked<Link>(table: Records<Link>, name: string): Promise<readonly (readonly [Digest, Link])[]> {
  return (await table.list(`${name}@`)).map(([key, link]) => [key.slice(name.length + 1) as Digest, link] as const);
}
