/** Small real images for tests: an OCI layout for other clients, and one built in a store. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { digestOf, encodedOf } from "../../store/digest.ts";
import { MEDIA_TYPE, type Descriptor } from "../../store/oci.ts";
import type { Store } from "../../store/store.ts";
import { blob, manifestOf, noise, type TestBlob } from "./registry.ts";

/** Writes an image for each architecture into an OCI layout, as the tag `v1`: an index when there are several. */
export async function writeLayout(folder: string, architectures: readonly string[]): Promise<Descriptor> {
  return await writeImages(folder, architectures, (architecture, seed) => ({ "etc/arch": Buffer.from(architecture), "bin/noise": noise(300_000, seed + 1) }));
}

/** Likewise, with one layer for all of them. */
export async function writeSharing(folder: string, architectures: readonly string[]): Promise<Descriptor> {
  return await writeImages(folder, architectures, () => ({ "bin/noise": noise(3_000_000) }));
}

type Files = Readonly<Record<string, Buffer>>;

async function writeImages(folder: string, architectures: readonly string[], filesOf: (architecture: string, seed: number) => Files): Promise<Descriptor> {
  mkdirSync(join(folder, "blobs/sha256"), { recursive: true });
  const put = (part: TestBlob): TestBlob => {
    writeFileSync(join(folder, "blobs/sha256", encodedOf(part.descriptor.digest)), part.bytes);
    return part;
  };
  const images = await Promise.all(
    architectures.map(async (architecture, seed) => {
      const tar = await tarOf(filesOf(architecture, seed));
      const layer = put(blob(gzipSync(tar), MEDIA_TYPE.layerGzip));
      const config = put(
        blob(
          JSON.stringify({ architecture, os: "linux", config: { Cmd: ["/bin/noise"] }, rootfs: { type: "layers", diff_ids: [digestOf(tar)] } }),
          MEDIA_TYPE.config,
        ),
      );
      return { ...put(manifestOf(config, [layer])).descriptor, platform: { architecture, os: "linux" } };
    }),
  );
  const [only, ...more] = images;
  const top =
    only !== undefined && more.length === 0
      ? only
      : put(blob(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests: images }), MEDIA_TYPE.index)).descriptor;
  writeFileSync(join(folder, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(
    join(folder, "index.json"),
    JSON.stringify({ schemaVersion: 2, manifests: [{ ...top, annotations: { "org.opencontainers.image.ref.name": "v1" } }] }),
  );
  return top;
}

/** An image of two layers, built in the store and named. */
export async function buildImage(store: Store, name: string): Promise<Descriptor> {
  const entry = (path: string, bytes: Buffer) => ({
    path,
    type: "file" as const,
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: 1_000,
    size: bytes.length,
    source: { bytes },
  });
  const lower = await store.snapshots.write(undefined, [entry("a", noise(1_500_000, 5))]);
  const upper = await store.snapshots.write(lower.chainID, [entry("b", Buffer.from("hello\n".repeat(1_000)))]);
  const target = await store.images.assemble([lower, upper], {
    architecture: "amd64",
    os: "linux",
    config: { Cmd: ["/a"] },
    rootfs: { type: "layers", diff_ids: [lower.diffID, upper.diffID] },
  });
  await store.images.tag(name, target);
  return target;
}

export async function tarOf(files: Files): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) tar.entry({ name, mtime: new Date(0) }, content);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The config of an image whose layers' tars are these. */
export function configOf(...diffIDs: readonly string[]): TestBlob {
  return blob(JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: diffIDs } }), MEDIA_TYPE.config);
}
