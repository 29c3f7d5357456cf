/** A blob in a file of its own, written anew for each test. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { live } from "../support/opened.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";

export interface BlobFile {
  readonly scratch: TemporaryRoot;
  readonly path: string;
}

export function blobFileOfEachTest(bytes: Uint8Array): BlobFile {
  let file: BlobFile | undefined;
  beforeEach(() => {
    const scratch = temporaryRoot();
    file = { scratch, path: join(scratch.root, "big") };
    writeFileSync(file.path, bytes);
  });
  afterEach(() => file?.scratch[Symbol.dispose]());
  return live(() => file);
}
