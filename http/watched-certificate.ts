/** A certificate and its key in two files that others renew: read again when either changes, and kept while what is there does not fit together. */
import { watch } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { createSecureContext } from "node:tls";

export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

export interface Certificate {
  readonly certificate: Buffer;
  readonly key: Buffer;
}

/** Milliseconds for the second file to follow the first. */
const SETTLE_MS = 200;

/** @throws {Error} of the file that cannot be read, or when the two do not belong together */
export async function readCertificate(files: CertificateFiles): Promise<Certificate> {
  const [certificate, key] = await Promise.all([readFile(files.certificate), readFile(files.key)]);
  createSecureContext({ cert: certificate, key });
  return { certificate, key };
}

/** Watches the folders, for renewing replaces files (and, with mounted secrets, links). Dispose ends it. */
export function watchCertificate(files: CertificateFiles, renew: (fresh: Certificate) => void, refused: (error: Error) => void): Disposable {
  let timer: NodeJS.Timeout | undefined;
  let last = "";
  const look = async (): Promise<void> => {
    try {
      const fresh = await readCertificate(files);
      const text = fresh.certificate.toString("latin1") + fresh.key.toString("latin1");
      if (text !== last) renew(fresh);
      last = text;
    } catch (error) {
      refused(error instanceof Error ? error : new Error(String(error)));
    }
  };
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void look(), SETTLE_MS);
  };
  const watchers = [...new Set([dirname(files.certificate), dirname(files.key)])].map((folder) => watch(folder, { persistent: false }, soon));
  return {
    [Symbol.dispose](): void {
      clearTimeout(timer);
      for (const watcher of watchers) watcher.close();
    },
  };
}
