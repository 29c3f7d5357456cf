/** A key pair on disk: `<name>.crt` and `<name>.key`, the key readable only by its owner, made once and kept. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { KeyPair } from "./certificate.ts";

/** Reads the pair, or makes it with `create` and writes it; a pair written half is made anew. */
export async function keepKeyPair(folder: string, name: string, create: () => KeyPair): Promise<KeyPair> {
  const paths = { certificate: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  try {
    return { certificate: await readFile(paths.certificate, "utf8"), key: await readFile(paths.key, "utf8") };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const pair = create();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await replace(paths.key, pair.key); // the key first: a certificate that is there has its key
  await replace(paths.certificate, pair.certificate);
  return pair;
}

async function replace(path: string, text: string): Promise<void> {
  const fresh = `${path}.${process.pid}`;
  await writeFile(fresh, text, { mode: 0o600 });
  await rename(fresh, path);
}
