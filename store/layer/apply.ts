/** One pass over a layer blob: its digest, its tar's digest, and its files unpacked. */
import { createHash } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { algorithmOf, finish, type Digest } from "../digest.ts";
import { StoreError } from "../errors.ts";
import type { Compression } from "../store.ts";
import { TarReader } from "../tar/reader.ts";
import { extractLayer, type Extracted } from "./extract.ts";
import { inflate, SeveralMembers } from "./inflate.ts";

export interface ApplyTask {
  readonly kind: "apply";
  readonly helper: string;
  /** Made here. */
  readonly folder: string;
  readonly scratch: string;
  /** Path of the compressed layer. */
  readonly blob: string;
  readonly digest: Digest;
  readonly compression: Compression;
  readonly diffID: Digest;
}

export interface Applied extends Extracted {
  /** Bytes of the uncompressed tar. */
  readonly size: number;
}

/** @throws {StoreError} `LAYER_INVALID`, `DIGEST_MISMATCH` */
export function applyLayer(task: ApplyTask): Applied {
  try {
    return attempt(task, false);
  } catch (error) {
    if (!(error instanceof SeveralMembers)) throw error;
    rmSync(task.folder, { recursive: true, force: true });
    return attempt(task, true);
  }
}

function attempt(task: ApplyTask, useProgram: boolean): Applied {
  const { blob, compression, scratch, digest, diffID } = task;
  const outer = createHash(algorithmOf(digest));
  const inner = createHash(algorithmOf(diffID));
  let size = 0;
  const chunks = (function* () {
    for (const chunk of inflate({ blob, compression, hash: outer, scratch, useProgram })) {
      inner.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  })();
  mkdirSync(task.folder, { mode: 0o755 });
  const extracted = consume(chunks, (reader) => extractLayer(task.helper, task.folder, reader));
  mustBe(digest, finish(outer, algorithmOf(digest)), "layer blob");
  mustBe(diffID, finish(inner, algorithmOf(diffID)), "layer's tar");
  return { ...extracted, size };
}

/** To the very end: what follows the archive's end counts for the digest. A failure closes the source. */
function consume<T>(chunks: Generator<Buffer>, act: (reader: TarReader) => T): T {
  try {
    const result = act(new TarReader(chunks));
    while (chunks.next().done !== true);
    return result;
  } finally {
    chunks.return(undefined);
  }
}

function mustBe(expected: Digest, found: Digest, what: string): void {
  if (expected !== found) throw new StoreError("DIGEST_MISMATCH", `Cannot unpack layer ${expected}: the ${what}'s digest is ${found}`);
}
