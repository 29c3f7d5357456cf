/** The files in which other tools are told of mirrors, as rules. What podman, containerd and docker already know need not be said again. */
import { readdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { RegistryError } from "../errors.ts";
import { readHostsToml, readDaemonJson, readRegistriesConf } from "./host-formats.ts";
import type { MirrorRule } from "./host-plan.ts";

/** In the order in which they count: containerd's hosts.toml, podman's registries.conf, docker's daemon.json. @throws {RegistryError} `CONFIGURATION_INVALID` */
export async function readHostRules(domain: string, env: NodeJS.ProcessEnv): Promise<readonly (readonly MirrorRule[])[]> {
  const configured = env["XDG_CONFIG_HOME"] ?? join(env["HOME"] ?? homedir(), ".config");
  return [await containerdRules(domain, configured), await podmanRules(configured, env), await dockerRules(configured)];
}

async function containerdRules(domain: string, configured: string): Promise<readonly MirrorRule[]> {
  const names = [domain, domain.replace(/:(\d+)$/, "_$1_"), "_default"];
  for (const folder of [join(configured, "containerd/certs.d"), "/etc/containerd/certs.d"])
    for (const name of names) {
      const rule = await parsed(join(folder, name, "hosts.toml"), (text, parse) => readHostsToml(domain, parse(text), (path) => resolve(folder, name, path)));
      if (rule !== undefined) return [rule];
    }
  return [];
}

/** A user's file takes the place of the machine's; those in the folder beside it add to it. */
async function podmanRules(configured: string, env: NodeJS.ProcessEnv): Promise<readonly MirrorRule[]> {
  const named = env["CONTAINERS_REGISTRIES_CONF"];
  const own = join(configured, "containers/registries.conf");
  const rules = new Map<string, MirrorRule>();
  const add = async (path: string): Promise<boolean> => {
    const found = await parsed(path, (text, parse) => readRegistriesConf(parse(text)));
    for (const rule of found ?? []) rules.set(rule.prefix, rule);
    return found !== undefined;
  };
  if (named !== undefined) await add(named);
  else if (!(await add(own))) await add("/etc/containers/registries.conf");
  if (named === undefined)
    for (const folder of ["/etc/containers/registries.conf.d", `${own}.d`])
      for (const name of (await readdir(folder).catch(() => [])).toSorted(bytewise)) if (name.endsWith(".conf")) await add(join(folder, name));
  return [...rules.values()];
}

async function dockerRules(configured: string): Promise<readonly MirrorRule[]> {
  for (const path of [join(configured, "docker/daemon.json"), "/etc/docker/daemon.json"]) {
    const rules = await parsed(path, (text) => readDaemonJson(JSON.parse(text)));
    if (rules !== undefined) return rules;
  }
  return [];
}

type ParseToml = (text: string) => unknown;

/** Undefined when there is no such file. */
async function parsed<T>(path: string, read: (text: string, parse: ParseToml) => T): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
  try {
    const { parse } = await import("smol-toml");
    return read(text, parse);
  } catch (cause) {
    throw new RegistryError("CONFIGURATION_INVALID", `Cannot read ${path}: ${(cause as Error).message.split("\n")[0]}`, { cause });
  }
}

function bytewise(a: string, b: string): number {
  return a < b ? -1 : 1;
}
