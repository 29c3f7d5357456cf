/** Authorities and client certificates of a host, as docker, podman and containerd keep them: `certs.d/<host>/{*.crt,*.cert,*.key}`. */
import { readdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { RegistryError } from "../errors.ts";
import type { HostTerms } from "./host-terms.ts";

export interface Trust {
  /** PEM; beside the ones that node trusts anyway. */
  readonly authorities: readonly string[];
  readonly clients: readonly { readonly certificate: string; readonly key: string }[];
}

export interface TrustOptions {
  /** It alone, with the files right in it. */
  readonly folder?: string | undefined;
  /** Files that count beside those of the folders. */
  readonly terms?: HostTerms | undefined;
}

/** @throws {RegistryError} `CONFIGURATION_INVALID` for a file that is named and cannot be read */
export async function readTrust(host: string, env: NodeJS.ProcessEnv, { folder, terms }: TrustOptions = {}): Promise<Trust> {
  const kept = folder === undefined ? await readFolders(host, env) : await readFolder(folder);
  if (terms === undefined) return kept;
  const authorities = await Promise.all(terms.authorities.map(async (path) => await readNamed(path, host)));
  const named = terms.clients.map(async ({ certificate, key }) => ({ certificate: await readNamed(certificate, host), key: await readNamed(key, host) }));
  const clients = await Promise.all(named);
  return { authorities: [...kept.authorities, ...authorities], clients: clients.length === 0 ? kept.clients : clients };
}

async function readNamed(path: string, host: string): Promise<string> {
  return await readFile(path, "utf8").catch((cause: unknown) => {
    throw new RegistryError("CONFIGURATION_INVALID", `Cannot use ${path} for ${host}: ${(cause as Error).message}`, { cause });
  });
}

/** Of the first folder that has a client's. */
async function readFolders(host: string, env: NodeJS.ProcessEnv): Promise<Trust> {
  const home = env["HOME"] ?? homedir();
  const configured = env["XDG_CONFIG_HOME"] ?? join(home, ".config");
  const folders = [
    join(configured, "containers/certs.d"),
    join(configured, "docker/certs.d"),
    "/etc/containers/certs.d",
    "/etc/docker/certs.d",
    "/etc/containerd/certs.d",
  ].map((place) => join(place, host));
  const found = await Promise.all(folders.map(readFolder));
  return { authorities: found.flatMap(({ authorities }) => authorities), clients: found.find(({ clients }) => clients.length > 0)?.clients ?? [] };
}

async function readFolder(folder: string): Promise<Trust> {
  const names = await readdir(folder).catch((): string[] => []);
  const read = async (name: string): Promise<string> => await readFile(join(folder, name), "utf8");
  const pairs = names.filter((name) => name.endsWith(".cert")).map((certificate) => ({ certificate, key: certificate.replace(/cert$/, "key") }));
  const alone = pairs.find(({ key }) => !names.includes(key));
  if (alone !== undefined)
    throw new RegistryError(
      "CONFIGURATION_INVALID",
      `Cannot use the client certificate ${join(folder, alone.certificate)}: its key ${alone.key} is not there`,
      {
        hint: "Put the key beside it; the certificate of an authority is called *.crt",
      },
    );
  return {
    authorities: await Promise.all(names.filter((name) => name.endsWith(".crt")).map(read)),
    clients: await Promise.all(pairs.map(async ({ certificate, key }) => ({ certificate: await read(certificate), key: await read(key) }))),
  };
}
