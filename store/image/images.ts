/** Images by name and id. A name whose image is replaced leaves the old one behind under its digest alone, as docker does. */
import type { Digest } from "../digest.ts";
import { StoreError } from "../errors.ts";
import { chainsOf } from "../layer/chain.ts";
import type { Descriptor, ImageConfig, ImageIndex, Platform } from "../oci.ts";
import { familiarName, parseReference } from "../reference.ts";
import type { Image, ImageRecord, Images, Snapshots } from "../store.ts";
import type { Table } from "../tables.ts";
import type { Blobs } from "../content.ts";
import { assembleImage } from "./assemble.ts";
import { isIndex, isManifest, parseConfig, parseIndex, parseManifest } from "./documents.ts";
import { findImage } from "./find.ts";
import { choosePlatform, formatPlatform, hostPlatform, listPlatforms } from "./platform.ts";
import { removeImage } from "./remove.ts";
import { recordOf, unnamedKey, type StoredImage } from "./record.ts";

export interface ImagesHost {
  readonly blobs: Blobs;
  readonly table: Table<StoredImage>;
  readonly snapshots: () => Snapshots;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Hears of names that come and go. */
  readonly tell: (action: "tag" | "untag" | "delete", id: string, name: string) => void;
}

export function openImages(host: ImagesHost): Images {
  const { table, blobs } = host;
  const images: Images = {
    find: async (reference) => findImage(table, reference),
    async open(reference, platform) {
      const record = findImage(table, reference);
      if (record === undefined) throw new StoreError("IMAGE_UNKNOWN", `No such image: ${reference}`);
      return { ...(await readImage(blobs, record.target, platform)), name: record.name, storedAt: record.storedAt };
    },
    read: async (target, platform) => await readImage(blobs, target, platform),
    list: async () => table.list().map(recordOf),
    tag: async (name, target) => await tag(host, name, target),
    keep: async (target) => await keep(host, target),
    untag: async (name) => await table.remove(parseReference(name).name),
    async remove(reference, { force = false } = {}) {
      const removed = await removeImage(table, reference, force);
      for (const name of removed.untagged) host.tell("untag", removed.id, familiarName(name));
      if (removed.deleted !== undefined) host.tell("delete", removed.deleted, removed.deleted);
      return removed;
    },
    unpack: async (image) => await unpack(host.snapshots(), image),
    assemble: async (layers, config) => await assembleImage(blobs, layers, config),
  };
  return images;
}

async function tag(host: ImagesHost, name: string, target: Descriptor): Promise<ImageRecord> {
  const { table } = host;
  const key = parseReference(name).name;
  const images = table.list();
  const ids = await idsOf(host.blobs, target);
  const same = images.find(([, image]) => isSame(image, target, ids))?.[1];
  const stored: StoredImage = { target, storedAt: same?.storedAt ?? host.now(), ids };
  const named = new Set(images.flatMap(([other, image]) => (other === key ? [] : [image.target.digest])));
  const replaced = await table.transact((rows) => {
    const before = rows.get(key);
    if (before !== undefined && before.target.digest !== target.digest && !named.has(before.target.digest)) rows.put(unnamedKey(before.target.digest), before); // at once: an image that nothing names for a moment may be collected in it
    rows.put(key, stored);
    rows.remove(unnamedKey(target.digest));
    return before;
  });
  if (replaced?.target.digest !== target.digest) host.tell("tag", stored.ids[0] ?? target.digest, familiarName(key));
  return recordOf([key, stored]);
}

/** Another name, or layers packed otherwise, make an image no younger. */
function isSame(image: StoredImage, target: Descriptor, ids: readonly Digest[]): boolean {
  return image.target.digest === target.digest || (ids.length > 0 && ids.every((id) => image.ids.includes(id)));
}

async function keep(host: ImagesHost, target: Descriptor): Promise<ImageRecord> {
  const present = host.table.list().find(([, image]) => image.target.digest === target.digest);
  if (present !== undefined) return recordOf(present);
  const stored: StoredImage = { target, storedAt: host.now(), ids: await idsOf(host.blobs, target) };
  await host.table.put(unnamedKey(target.digest), stored);
  return recordOf([unnamedKey(target.digest), stored]);
}

async function idsOf(blobs: Blobs, target: Descriptor): Promise<Digest[]> {
  if (isManifest(target)) return [parseManifest(await blobs.read(target.digest)).config.digest];
  if (!isIndex(target)) return [];
  const ids: Digest[] = [];
  for (const manifest of parseIndex(await blobs.read(target.digest)).manifests) {
    if ((await blobs.stat(manifest.digest)) !== undefined) ids.push(...(await idsOf(blobs, manifest)));
  }
  return ids;
}

async function readImage(blobs: Blobs, target: Descriptor, platform: Platform | undefined): Promise<Image> {
  const descriptor = isIndex(target) ? await chooseManifest(blobs, target, platform ?? hostPlatform()) : target;
  const manifest = parseManifest(await blobs.read(descriptor.digest));
  const config: ImageConfig = parseConfig(await blobs.read(manifest.config.digest));
  if (config.rootfs.diff_ids.length !== manifest.layers.length) {
    throw new StoreError(
      "CONFIG_INVALID",
      `Cannot read image ${target.digest}: its config lists ${config.rootfs.diff_ids.length} layers, its manifest ${manifest.layers.length}`,
    );
  }
  return { name: undefined, id: manifest.config.digest, target, descriptor, manifest, config, storedAt: 0, chain: chainsOf(config.rootfs.diff_ids).at(-1) };
}

async function chooseManifest(blobs: Blobs, target: Descriptor, platform: Platform): Promise<Descriptor> {
  const index: ImageIndex = parseIndex(await blobs.read(target.digest));
  const chosen = choosePlatform(index.manifests, platform);
  if (chosen === undefined) {
    throw new StoreError("PLATFORM_UNKNOWN", `Cannot use image ${target.digest} for ${formatPlatform(platform)}: it is for ${listPlatforms(index.manifests)}`);
  }
  return isIndex(chosen) ? await chooseManifest(blobs, chosen, platform) : chosen;
}

/** Layers are unpacked side by side and committed from the lowest up. */
async function unpack(snapshots: Snapshots, image: Image): Promise<Digest | undefined> {
  const diffIDs = image.config.rootfs.diff_ids;
  const chains = chainsOf(diffIDs);
  const present = await Promise.all(chains.map(async (chain) => (await snapshots.use(chain)) !== undefined));
  const staged = await Promise.allSettled(
    diffIDs.map(async (diffID, index) => (present[index] === true ? undefined : await snapshots.stage(image.manifest.layers[index]!, diffID))),
  );
  try {
    for (const [index, layer] of staged.entries()) {
      if (layer.status === "rejected") throw layer.reason;
      await layer.value?.commit(chains[index - 1]);
    }
  } finally {
    for (const layer of staged) if (layer.status === "fulfilled") await layer.value?.[Symbol.asyncDispose]();
  }
  return chains.at(-1);
}
