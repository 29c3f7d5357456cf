/** Authorities and client certificates of a host, as docker, podman and containerd keep them: `certs.d/<host>/{*.crt,*.cert,*.key}`. */
import { readdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

export interface Trust {
  /** PEM; beside the ones that node trusts anyway. */
  readonly authorities: readonly string[];
  readonly client: { readonly certificate: string; readonly key: string } | undefined;
}

/** `folder`: it alone, with the files right in it. */
export async function readTrust(host: string, env: NodeJS.ProcessEnv, folder?: string): Promise<Trust> {
  if (folder !== undefined) return await readFolder(folder);
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
  return { authorities: found.flatMap(({ authorities }) => authorities), client: found.find(({ client }) => client !== undefined)?.client };
}

async function readFolder(folder: string): Promise<Trust> {
  const names = await readdir(folder).catch(() => []);
  const read = async (name: string): Promise<string> => await readFile(join(folder, name), "utf8");
  const certificate = names.find((name) => name.endsWith(".cert"));
  const key = certificate === undefined ? undefined : names.find((name) => name === certificate.replace(/cert$/, "key"));
  return {
    authorities: await Promise.all(names.filter((name) => name.endsWith(".crt")).map(read)),
    client: certificate === undefined || key === undefined ? undefined : { certificate: await read(certificate), key: await read(key) },
  };
}
