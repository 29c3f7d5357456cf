/**
 * What each repository holds: links to blobs and manifests, tags, referrers. The bytes are the store's;
 * a blob is readable only through a repository that links it. Keys are `<name>@<digest>` and `<name>:<tag>`.
 */
import type { Digest } from "../../store/digest.ts";
import type { Descriptor } from "../../store/oci.ts";
import type { Store, Table } from "../../store/store.ts";

export interface BlobLink {
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly linkedAt: number;
}

export interface ManifestLink {
  readonly mediaType: string;
  readonly size: number;
  readonly subject?: Digest;
  /** Milliseconds since the epoch. */
  readonly pushedAt: number;
}

export interface Repositories {
  exists(name: string): boolean;
  /** Names, sorted. */
  names(): readonly string[];
  blob(name: string, digest: Digest): BlobLink | undefined;
  /** Idempotent. */
  readonly linkBlob: (name: string, digest: Digest, size: number) => Promise<void>;
  unlinkBlob(name: string, digest: Digest): Promise<boolean>;
  /** Some repository that links the blob and that `readable` admits. */
  holder(digest: Digest, readable: (name: string) => boolean): string | undefined;
  blobs(name: string): readonly (readonly [Digest, BlobLink])[];
  manifest(name: string, digest: Digest): ManifestLink | undefined;
  manifests(name: string): readonly (readonly [Digest, ManifestLink])[];
  /** Records it, and as a referrer of its subject; idempotent. */
  readonly linkManifest: (name: string, descriptor: Descriptor, subject: Digest | undefined) => Promise<void>;
  /** Removes its tags too. */
  unlinkManifest(name: string, digest: Digest): Promise<boolean>;
  tags(name: string): readonly string[];
  tag(name: string, tag: string): Digest | undefined;
  setTag(name: string, tag: string, digest: Digest): Promise<void>;
  removeTag(name: string, tag: string): Promise<boolean>;
  referrers(name: string, subject: Digest): readonly Descriptor[];
}

interface Tables {
  readonly repositories: Table<{ readonly createdAt: number }>;
  readonly blobs: Table<BlobLink>;
  readonly manifests: Table<ManifestLink>;
  readonly tags: Table<Digest>;
  readonly referrers: Table<Descriptor>;
}

export function openRepositories(store: Pick<Store, "table">): Repositories {
  const tables: Tables = {
    repositories: store.table("registry.repositories"),
    blobs: store.table("registry.blobs"),
    manifests: store.table("registry.manifests"),
    tags: store.table("registry.tags"),
    referrers: store.table("registry.referrers"),
  };
  return {
    exists: (name) => tables.repositories.get(name) !== undefined,
    names: () => tables.repositories.list().map(([name]) => name),
    ...blobLinks(tables),
    ...manifestLinks(tables),
    ...tagLinks(tables),
    referrers: (name, subject) => tables.referrers.list(`${name}@${subject}@`).map(([, descriptor]) => descriptor),
  };
}

type Part<Key extends keyof Repositories> = Pick<Repositories, Key>;

function blobLinks({ repositories, blobs }: Tables): Part<"blob" | "blobs" | "linkBlob" | "unlinkBlob" | "holder"> {
  return {
    blob: (name, digest) => blobs.get(`${name}@${digest}`),
    blobs: (name) => linked(blobs, name),
    async linkBlob(name, digest, size): Promise<void> {
      if (blobs.get(`${name}@${digest}`) !== undefined) return;
      await enter(repositories, name);
      await blobs.put(`${name}@${digest}`, { size, linkedAt: Date.now() });
    },
    unlinkBlob: async (name, digest) => await blobs.remove(`${name}@${digest}`),
    holder: (digest, readable) => repositories.list().find(([name]) => blobs.get(`${name}@${digest}`) !== undefined && readable(name))?.[0],
  };
}

function manifestLinks({ repositories, manifests, tags, referrers }: Tables): Part<"manifest" | "manifests" | "linkManifest" | "unlinkManifest"> {
  return {
    manifest: (name, digest) => manifests.get(`${name}@${digest}`),
    manifests: (name) => linked(manifests, name),
    async linkManifest(name, descriptor, subject): Promise<void> {
      const { digest, mediaType, size } = descriptor;
      await enter(repositories, name);
      if (subject !== undefined) await referrers.put(`${name}@${subject}@${digest}`, descriptor);
      await manifests.put(`${name}@${digest}`, { mediaType, size, pushedAt: Date.now(), ...(subject === undefined ? {} : { subject }) });
    },
    async unlinkManifest(name, digest): Promise<boolean> {
      const subject = manifests.get(`${name}@${digest}`)?.subject;
      for (const [key, target] of tags.list(`${name}:`)) if (target === digest) await tags.remove(key);
      if (subject !== undefined) await referrers.remove(`${name}@${subject}@${digest}`);
      return await manifests.remove(`${name}@${digest}`);
    },
  };
}

function tagLinks({ tags }: Tables): Part<"tags" | "tag" | "setTag" | "removeTag"> {
  return {
    tags: (name) => tags.list(`${name}:`).map(([key]) => key.slice(name.length + 1)),
    tag: (name, tag) => tags.get(`${name}:${tag}`),
    setTag: async (name, tag, digest) => await tags.put(`${name}:${tag}`, digest),
    removeTag: async (name, tag) => await tags.remove(`${name}:${tag}`),
  };
}

async function enter(repositories: Tables["repositories"], name: string): Promise<void> {
  if (repositories.get(name) === undefined) await repositories.put(name, { createdAt: Date.now() });
}

function linked<Link>(table: Table<Link>, name: string): readonly (readonly [Digest, Link])[] {
  return table.list(`${name}@`).map(([key, link]) => [key.slice(name.length + 1) as Digest, link] as const);
}
