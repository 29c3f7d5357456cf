/** Reads everything once: every blob against its name, every layer against its tar, every packed form against its layer, every image against what it names, the journal of records. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { algorithmOf, finish, type Digest } from "../digest.ts";
import { isIndex, isManifest, parseIndex, parseManifest } from "../image/documents.ts";
import { folderPath, foldersOf } from "../layer/records.ts";
import type { Descriptor } from "../oci.ts";
import type { ChainID, Damage } from "../store.ts";
import { checkPacked } from "./check-packed.ts";
import { checkRecords } from "./check-records.ts";
import type { MarkHost } from "./marks.ts";

export interface CheckHost extends MarkHost {
  readonly tar: (chain: ChainID) => AsyncIterable<Uint8Array>;
}

export async function* check(host: CheckHost): AsyncIterable<Damage> {
  yield* checkRecords(host.layout.db);
  const damaged = new Set<Digest>();
  for await (const { digest } of host.blobs.list()) {
    const found = await digestOfContent(host.blobs.open(digest), digest);
    if (found === digest) continue;
    damaged.add(digest);
    yield { what: digest, problem: `its content's digest is ${found}` };
  }
  yield* checkLayers(host);
  yield* checkPacked(host, damaged);
  for (const [key, { target }] of host.images.list()) yield* checkImage(host, key.startsWith("@") ? target.digest : key, target);
}

async function* checkLayers(host: CheckHost): AsyncIterable<Damage> {
  const checked = new Set<Digest>();
  for (const [key, { parent, diffID, folder }] of host.tables.layers.list()) {
    const chain = key as ChainID;
    if (parent !== undefined && host.tables.layers.get(parent) === undefined) yield { what: `layer ${chain}`, problem: `its parent ${parent} is gone` };
    const lost = foldersOf(folder).find((part) => !existsSync(folderPath(host.layout, part)));
    if (lost !== undefined) {
      yield { what: `layer ${chain}`, problem: `its folder ${lost.id} is gone` };
      continue;
    }
    if (checked.has(diffID)) continue;
    checked.add(diffID);
    const found = await digestOfContent(host.tar(chain), diffID);
    if (found !== diffID) yield { what: `layer ${chain}`, problem: `the digest of its files' tar is ${found}, not ${diffID}` };
  }
}

async function* checkImage(host: CheckHost, name: string, target: Descriptor): AsyncIterable<Damage> {
  const present = await host.blobs.stat(target.digest);
  if (present === undefined) return yield { what: name, problem: `${target.digest} is gone` };
  if (present.size !== target.size) yield { what: name, problem: `${target.digest} has ${present.size} bytes, not ${target.size}` };
  if (isIndex(target)) {
    for (const manifest of parseIndex(await host.blobs.read(target.digest)).manifests)
      if (await host.blobs.has(manifest)) yield* checkImage(host, name, manifest);
    return;
  }
  if (!isManifest(target)) return;
  const { config, layers } = parseManifest(await host.blobs.read(target.digest));
  for (const part of [config, ...layers]) if (!(await host.blobs.has(part))) yield { what: name, problem: `${part.digest} is gone` };
}

/** The digest, or in words why there is none. */
async function digestOfContent(content: AsyncIterable<Uint8Array>, expected: Digest): Promise<string> {
  const hash = createHash(algorithmOf(expected));
  try {
    for await (const chunk of content) hash.update(chunk);
  } catch (error) {
    return `unreadable (${(error as Error).message})`;
  }
  return finish(hash, algorithmOf(expected));
}
