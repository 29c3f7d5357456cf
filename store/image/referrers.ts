/**
 * What is said of an image: manifests with a `subject`, by the digest that they are about. They stay as long as their subject does.
 * Spec: image-spec v1.1, manifest.md, "subject".
 */
import type { Digest } from "../digest.ts";
import { MEDIA_TYPE, type Descriptor, type Manifest } from "../oci.ts";
import type { Store } from "../store.ts";
import type { Table } from "../tables.ts";
import { REFERRERS_TABLE } from "./record.ts";
import { subjectIn } from "./subject.ts";

/** Content of a referrer: documents, each a blob of its own. */
export interface Artifact {
  readonly artifactType: string;
  readonly layers: readonly { readonly mediaType: string; readonly content: string; readonly annotations?: Readonly<Record<string, string>> }[];
  readonly annotations?: Readonly<Record<string, string>>;
}

type Tables = Pick<Store, "table">;

/** In the order of their digests. */
export function referrersOf(store: Tables, subject: Digest): readonly Descriptor[] {
  return listReferrers(tableOf(store), subject);
}

export function listReferrers(table: Table<Descriptor>, subject: Digest): readonly Descriptor[] {
  return table.list(`${subject}@`).map(([, descriptor]) => descriptor);
}

/** Its content is there already; a manifest that names another subject, or none, is not recorded. Idempotent. @throws {StoreError} `MANIFEST_INVALID` */
export async function addReferrer(store: Pick<Store, "blobs" | "table">, subject: Digest, referrer: Descriptor): Promise<void> {
  const table = tableOf(store);
  const key = `${subject}@${referrer.digest}`;
  if (table.get(key) !== undefined) return;
  if (subjectIn(referrer, await store.blobs.read(referrer.digest)) === subject) await table.put(key, referrer);
}

export async function removeReferrer(store: Tables, subject: Digest, referrer: Digest): Promise<boolean> {
  return await tableOf(store).remove(`${subject}@${referrer}`);
}

/** Stores the artifact and records it; same artifact, same digest. */
export async function attach(store: Pick<Store, "blobs" | "table">, subject: Descriptor, artifact: Artifact): Promise<Descriptor> {
  const { artifactType, annotations } = artifact;
  const layers = await Promise.all(
    artifact.layers.map(async ({ mediaType, content, annotations: own }) => ({
      mediaType,
      ...(await store.blobs.put(content)),
      ...(own === undefined ? {} : { annotations: own }),
    })),
  );
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.manifest,
    artifactType,
    config: { mediaType: MEDIA_TYPE.empty, ...(await store.blobs.put("{}")), data: "e30=" },
    layers,
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
    ...(annotations === undefined ? {} : { annotations }),
  };
  const stored = await store.blobs.put(JSON.stringify(manifest));
  const referrer = referrerDescriptor({ mediaType: MEDIA_TYPE.manifest, ...stored }, manifest);
  await addReferrer(store, subject.digest, referrer);
  return referrer;
}

/** As a list of referrers shows it. Spec: distribution-spec v1.1, "Listing Referrers". */
export function referrerDescriptor(descriptor: Descriptor, manifest: Pick<Manifest, "artifactType" | "annotations"> & Partial<Manifest>): Descriptor {
  const { mediaType, digest, size } = descriptor;
  const artifactType = manifest.artifactType ?? manifest.config?.mediaType;
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
  };
}

function tableOf(store: Tables): Table<Descriptor> {
  return store.table<Descriptor>(REFERRERS_TABLE);
}
