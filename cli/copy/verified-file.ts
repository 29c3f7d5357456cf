/** A blob as a plain file: beside its place while it is written, hashed meanwhile, and there only when it is what it should be. */
import { dirname } from "node:path";
import { RunningDigest } from "../../store/blob/running-digest.ts";
import { algorithmOf } from "../../store/digest.ts";
import { StoreError } from "../../store/errors.ts";
import { FreshFile } from "../../store/fresh-file.ts";
import { makeFolders } from "../../store/make-folders.ts";
import { lent } from "../../store/lent.ts";
import type { Descriptor } from "../../store/oci.ts";

/** @throws {StoreError} `DIGEST_MISMATCH`, `SIZE_MISMATCH` */
export async function writeVerified(path: string, { digest, size }: Descriptor, content: AsyncIterable<Uint8Array>): Promise<void> {
  makeFolders(dirname(path));
  await using fresh = await FreshFile.open(path);
  using running = new RunningDigest(fresh.path, algorithmOf(digest));
  for await (const chunk of lent(content)) {
    if (running.size + chunk.length > size) throw mismatch(digest, size);
    for (let at = 0; at < chunk.length;) at += (await fresh.handle.write(chunk, at)).bytesWritten;
    await running.wrote(chunk);
  }
  if (running.size !== size) throw mismatch(digest, size);
  const found = await running.digest();
  if (found !== digest) throw new StoreError("DIGEST_MISMATCH", `Cannot copy ${digest}: the content's digest is ${found}`);
  await fresh.settle();
}

function mismatch(digest: string, size: number): StoreError {
  return new StoreError("SIZE_MISMATCH", `Cannot copy ${digest}: it is not ${size} bytes long`);
}
