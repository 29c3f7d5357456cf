/** Network configurations that the machine's owner wrote for the container network interface. Spec: CNI 1.0, "Network configuration format". */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { RuntimeError } from "../../errors.ts";

export interface PluginConfiguration {
  readonly type: string;
  readonly capabilities?: Readonly<Record<string, boolean>>;
  readonly [key: string]: unknown;
}

/** A chain of plugins; a file with one plugin alone is a chain of one. */
export interface NetworkConfiguration {
  readonly cniVersion: string;
  readonly name: string;
  readonly disableCheck?: boolean;
  readonly plugins: readonly PluginConfiguration[];
}

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const PLUGIN = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

export function configurationFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env["STRATA_CNI_DIR"] ?? "/etc/cni/net.d";
}

/** By the names of their files; of two with one name the first counts. Files that are none are left out. */
export function listConfigurations(folder: string = configurationFolder()): readonly NetworkConfiguration[] {
  const found = new Map<string, NetworkConfiguration>();
  for (const file of filesIn(folder)) {
    const one = tryParse(readFileSync(join(folder, file), "utf8"));
    if (one !== undefined && !found.has(one.name)) found.set(one.name, one);
  }
  return [...found.values()];
}

/** @throws {RuntimeError} `NETWORK_UNKNOWN`, `NETWORK_FAILED` */
export function findConfiguration(name: string, folder: string = configurationFolder()): NetworkConfiguration {
  const found = listConfigurations(folder).find((one) => one.name === name);
  if (found !== undefined) return found;
  const broken = filesIn(folder).find((file) => readFileSync(join(folder, file), "utf8").includes(JSON.stringify(name)));
  if (broken !== undefined) parseConfiguration(readFileSync(join(folder, broken), "utf8"), join(folder, broken)); // says what is wrong with it
  throw new RuntimeError("NETWORK_UNKNOWN", `Cannot attach to CNI network ${JSON.stringify(name)}: no configuration in ${folder} has that name`);
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /\.(?:conf|conflist|json)$/.test(name))
      .sort();
  } catch {
    return [];
  }
}

function tryParse(text: string): NetworkConfiguration | undefined {
  try {
    return parseConfiguration(text, "");
  } catch {
    return undefined;
  }
}

/** @throws {RuntimeError} `NETWORK_FAILED` */
export function parseConfiguration(text: string, path: string): NetworkConfiguration {
  const refuse = (found: string): never => {
    throw new RuntimeError("NETWORK_FAILED", `Cannot read the CNI configuration ${path}: ${found}`);
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
  if (typeof value !== "object" || value === null) return refuse("it is no JSON object");
  const { name, cniVersion = "0.2.0", disableCheck = false, plugins = [value] } = value as Readonly<Record<string, unknown>>;
  if (typeof name !== "string" || !NAME.test(name)) return refuse("it has no valid name");
  if (typeof cniVersion !== "string") return refuse("its cniVersion is no text");
  if (!Array.isArray(plugins) || plugins.length === 0) return refuse("it names no plugins");
  const wrong = (plugins as readonly Partial<PluginConfiguration>[]).find(({ type }) => typeof type !== "string" || !PLUGIN.test(type));
  if (wrong !== undefined) return refuse(`a plugin has the type ${JSON.stringify(wrong.type)}`);
  return { name, cniVersion, ...(disableCheck === true && { disableCheck }), plugins: plugins as readonly PluginConfiguration[] };
}
