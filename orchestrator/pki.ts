/** The cluster's own trust: an authority, the server's certificate, the administrator's, and the secret that signs tokens. Made once and kept. */
import { randomBytes, X509Certificate } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createAuthority, issueCertificate, type KeyPair } from "../http/certificate.ts";
import { keepKeyPair } from "../http/certificate-files.ts";

export interface Pki {
  readonly authority: KeyPair;
  /** Made anew at each start: the addresses may have changed. */
  readonly server: KeyPair;
  readonly admin: KeyPair;
  readonly secret: Buffer;
}

const ADMIN_DAYS = 365;
/** How long before its end. */
const RENEWAL_MS = 90 * 86_400_000;
const SECRET_BYTES = 32;
const serverNames = ["localhost", "127.0.0.1", "::1", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"];

export async function openPki(folder: string, names: readonly string[]): Promise<Pki> {
  const authority = await keepKeyPair(folder, "ca", () => createAuthority("strata"));
  const server = issueCertificate(authority, { commonName: "kube-apiserver", names: [...new Set([...serverNames, ...names])], usage: "server" });
  await dropExpiring(join(folder, "admin.crt"));
  const admin = await keepKeyPair(folder, "admin", () =>
    issueCertificate(authority, { commonName: "admin", organizations: ["system:masters"], usage: "client", days: ADMIN_DAYS }),
  );
  return { authority, server, admin, secret: await keepSecret(join(folder, "tokens.key")) };
}

/** A certificate near its end is made anew. */
async function dropExpiring(path: string): Promise<void> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text !== undefined && Date.parse(new X509Certificate(text).validTo) - Date.now() < RENEWAL_MS) await rm(path);
}

async function keepSecret(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  const secret = randomBytes(SECRET_BYTES);
  await writeFile(`${path}.new`, secret, { mode: 0o600 });
  await rename(`${path}.new`, path);
  return secret;
}
