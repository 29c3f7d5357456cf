/** Authorities beside node's own: what commands that seldom connect do not let node read at its start (bin/strata.js). */
import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import { RegistryError } from "./errors.ts";

/** For the options of a TLS connection; `more` is PEM. @throws {RegistryError} `CONFIGURATION_INVALID` for a file that cannot be read */
export function trusting(env: NodeJS.ProcessEnv, more: readonly string[] = []): { readonly ca?: string[] } {
  const { STRATA_EXTRA_CA_CERTS: file = "" } = env;
  const authorities = [...(file === "" ? [] : [read(file)]), ...more];
  return authorities.length === 0 ? {} : { ca: [...rootCertificates, ...authorities] };
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new RegistryError("CONFIGURATION_INVALID", `Cannot use the authorities that NODE_EXTRA_CA_CERTS names: ${(cause as Error).message}`, { cause });
  }
}
