/** Where things are below the root. Spec: image-spec v1.1, image-layout.md. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { algorithmOf, encodedOf, type Digest } from "./digest.ts";
import { makeFolders } from "./make-folders.ts";

export interface Layout {
  readonly root: string;
  /** `<algorithm>/<hex>` */
  readonly blobs: string;
  /** What is being written; names begin with their owner, so that what a crash left is known. */
  readonly ingest: string;
  /** `<id>/fs`: committed diff folders, each usable as an overlay lower directory. */
  readonly layers: string;
  /** `<key>/{fs,work}`: writable layers. */
  readonly active: string;
  readonly db: string;
}

export function layoutAt(root: string): Layout {
  return {
    root,
    blobs: join(root, "blobs"),
    ingest: join(root, "ingest"),
    layers: join(root, "layers"),
    active: join(root, "active"),
    db: join(root, "db"),
  };
}

/**
 * Records hold what programs are given in secret. Layers and what containers wrote hold programs that set their user: who is not root runs none
 * of them from outside.
 */
const MODES: Readonly<Record<string, number>> = { layers: 0o700, active: 0o700, db: 0o700 };

/** Idempotent. The last file made says that the others are there. */
export function makeLayout(layout: Layout): void {
  if (isMade(layout.root)) return;
  for (const folder of ["blobs/sha256", "blobs/sha512", "ingest", "layers", "active", "db"]) {
    makeFolders(join(layout.root, folder), MODES[folder] ?? 0o755);
  }
  writeFileSync(markerIn(layout.root), '{"imageLayoutVersion":"1.0.0"}');
}

/** False before the first use of a root, and after its removal. */
export function isMade(root: string): boolean {
  return existsSync(markerIn(root));
}

function markerIn(root: string): string {
  return join(root, "oci-layout");
}

export function blobPath(layout: Layout, digest: Digest): string {
  return join(layout.blobs, algorithmOf(digest), encodedOf(digest));
}
