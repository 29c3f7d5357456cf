/** A certificate and its key in two files that others renew: read again when either changes, and kept while what is there does not fit together. */
import { createPrivateKey } from "node:crypto";
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

/** @throws {Error} of the file that cannot be read or is none of its kind, or when the two do not belong together */
export async function readCertificate(files: CertificateFiles): Promise<Certificate> {
  const [certificate, key] = await Promise.all([read(files.certificate), read(files.key)]);
  refuse(() => createSecureContext({ cert: certificate }), `${files.certificate} is no certificate in PEM`);
  refuse(
    () => createPrivateKey(key),
    isEncrypted(key) ? `the key in ${files.key} needs a passphrase: give one without` : `${files.key} is no private key in PEM`,
  );
  refuse(() => createSecureContext({ cert: certificate, key }), `the key in ${files.key} is not the one of the certificate in ${files.certificate}`);
  return { certificate, key };
}

async function read(path: string): Promise<Buffer> {
  return await readFile(path).catch((cause: unknown) => {
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    throw new Error(isMissing ? `there is no file ${path}` : `${path} cannot be read: ${String(cause)}`, { cause });
  });
}

/** What OpenSSL says of it helps nobody. */
function refuse(check: () => unknown, message: string): void {
  try {
    check();
  } catch (cause) {
    throw new Error(message, { cause });
  }
}

function isEncrypted(key: Buffer): boolean {
  return /ENCRYPTED/.test(key.toString("latin1"));
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
