/** One pass over a layer blob: unpacked, and its tar's digest compared. The blob's own digest was when it was stored. */
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { algorithmOf, finish, type Digest } from "../digest.ts";
import { StoreError } from "../errors.ts";
import { TarReader } from "../tar/reader.ts";
import { extractLayer, type Extracted } from "./extract.ts";
import { inflate, type Inflation } from "./inflate.ts";

export interface ApplyTask extends Inflation {
  readonly kind: "apply";
  readonly treeTool: string;
  /** Made here. */
  readonly folder: string;
  readonly diffID: Digest;
}

export interface Applied extends Extracted {
  /** Bytes of the uncompressed tar. */
  readonly size: number;
}

/** @throws {StoreError} `LAYER_INVALID`, `DIGEST_MISMATCH` */
export function applyLayer(task: ApplyTask): Applied {
  const { diffID } = task;
  const hash = createHash(algorithmOf(diffID));
  let size = 0;
  const chunks = (function* () {
    for (const chunk of inflate(task)) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  })();
  mkdirSync(task.folder, { mode: 0o755 });
  const extracted = consume(chunks, (reader) => extractLayer(task.treeTool, task.folder, reader));
  const found = finish(hash, algorithmOf(diffID));
  if (found !== diffID) throw new StoreError("DIGEST_MISMATCH", `Cannot unpack layer ${diffID}: the digest of its tar is ${found}`);
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
