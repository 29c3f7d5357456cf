/** Authorities beside node's own: what commands that seldom connect do not let node read at its start (bin/strata.js). */
import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";

/** For the options of a TLS connection; `more` is PEM. */
export function trusting(env: NodeJS.ProcessEnv, more: readonly string[] = []): { readonly ca?: string[] } {
  const authorities = [...setAside(env), ...more];
  return authorities.length === 0 ? {} : { ca: [...rootCertificates, ...authorities] };
}

/** PEM. A file that cannot be read is told and left out, as node does. */
export function setAside({ STRATA_EXTRA_CA_CERTS: file = "" }: NodeJS.ProcessEnv): readonly string[] {
  return file === "" ? [] : read(file);
}

/** By file: each connection asks twice, and a file that is missing is told once. */
const known = new Map<string, readonly string[]>();

function read(file: string): readonly string[] {
  const found = known.get(file) ?? load(file);
  known.set(file, found);
  return found;
}

function load(file: string): readonly string[] {
  try {
    return [readFileSync(file, "utf8")];
  } catch (error) {
    process.emitWarning(`Ignoring the certificates that NODE_EXTRA_CA_CERTS names: ${(error as Error).message}`);
    return [];
  }
}
