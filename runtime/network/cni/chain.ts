/** Runs a configuration's plugins: ADD and CHECK in order, DEL backwards, each with what the one before gave. Spec: CNI 1.0, "Execution protocol". */
import { spawn } from "node:child_process";
import { existsSync, statfsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Lock } from "../../engine/lock.ts";
import { RuntimeError } from "../../errors.ts";
import type { NetworkConfiguration, PluginConfiguration } from "./configurations.ts";

export interface CniResult {
  readonly cniVersion?: string;
  readonly interfaces?: readonly { readonly name: string; readonly mac?: string; readonly sandbox?: string }[];
  readonly ips?: readonly { readonly address: string; readonly gateway?: string; readonly interface?: number }[];
  readonly dns?: { readonly nameservers?: readonly string[]; readonly search?: readonly string[]; readonly options?: readonly string[] };
  readonly [key: string]: unknown;
}

export interface Chain {
  readonly configuration: NetworkConfiguration;
  readonly containerID: string;
  readonly namespace: string;
  readonly device: string;
  /** Where its plugins were looked for: who gives back may be told of other folders. */
  readonly folders?: readonly string[];
  /** By capability: what a plugin gets that asks for it. */
  readonly runtimeConfig: Readonly<Record<string, unknown>>;
  readonly result?: CniResult;
}

/** How plugins are run: whoever is killed meanwhile does not let go of the owner's lock before they have ended. */
export interface Attendance {
  /** Path of strata-minder. */
  readonly minder: string;
  readonly held: Lock;
}

type Command = "ADD" | "DEL" | "CHECK";

/** For one plugin: what an agent gives a whole pod. Spec: kubelet, `runtimeRequestTimeout` */
const PATIENCE_SECONDS = 120;

/** Where Debian and others have the plugins. */
const FOLDERS = ["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"];

/** Yields the result after each plugin: the last one is the chain's, those before are what DEL needs of a chain that was cut off. */
export async function* addChain(chain: Chain, attendance: Attendance): AsyncGenerator<CniResult, void> {
  let result: CniResult | undefined;
  for (const plugin of chain.configuration.plugins) {
    result = JSON.parse(await run("ADD", chain, plugin, result, attendance)) as CniResult;
    yield result;
  }
}

/** All are run, also when one fails: what one left must not keep the others from giving back. */
export async function deleteChain(chain: Chain, attendance: Attendance): Promise<void> {
  const failures: Error[] = [];
  for (const plugin of chain.configuration.plugins.toReversed()) {
    if (programOf(plugin, foldersOf(chain)) === undefined) continue; // what is not here has nothing here
    await run("DEL", chain, plugin, chain.result, attendance).catch((error: unknown) =>
      failures.push(error instanceof Error ? error : new Error(String(error))),
    );
  }
  const [first] = failures;
  if (first !== undefined) throw first;
}

/** @throws {RuntimeError} `NETWORK_FAILED` when a plugin finds its part changed */
export async function checkChain(chain: Chain, attendance: Attendance): Promise<void> {
  if (chain.configuration.disableCheck === true) return;
  if (/^0\.[0-3]\./.test(chain.configuration.cniVersion))
    throw new RuntimeError(
      "NETWORK_FAILED",
      `Cannot check CNI network ${chain.configuration.name}: CHECK came with version 0.4.0, its own is ${chain.configuration.cniVersion}`,
    );
  for (const plugin of chain.configuration.plugins) await run("CHECK", chain, plugin, chain.result, attendance);
}

/** What a plugin reads: its own part, the chain's name and version, what came before, and of the runtime's what it is capable of. Pure. */
export function pluginInput(
  { configuration, runtimeConfig }: Chain,
  plugin: PluginConfiguration,
  before: CniResult | undefined,
): Readonly<Record<string, unknown>> {
  const asked = Object.entries(runtimeConfig).filter(([name]) => plugin.capabilities?.[name] === true);
  const { capabilities: _capabilities, ...own } = plugin;
  return {
    ...own,
    name: configuration.name,
    cniVersion: configuration.cniVersion,
    ...(asked.length > 0 && { runtimeConfig: Object.fromEntries(asked) }),
    ...(before !== undefined && { prevResult: before }),
  };
}

export function pluginFolders(): readonly string[] {
  return [...(process.env["CNI_PATH"] ?? "").split(delimiter).filter((folder) => folder !== ""), ...FOLDERS];
}

function foldersOf({ folders = [] }: Chain): readonly string[] {
  return [...new Set([...folders, ...pluginFolders()])];
}

function programOf({ type }: PluginConfiguration, folders: readonly string[]): string | undefined {
  return folders.map((folder) => join(folder, type)).find((path) => existsSync(path));
}

async function run(command: Command, chain: Chain, plugin: PluginConfiguration, before: CniResult | undefined, { minder, held }: Attendance): Promise<string> {
  const folders = foldersOf(chain);
  const what = `${command} CNI network ${chain.configuration.name}`;
  const program = programOf(plugin, folders);
  if (program === undefined)
    throw new RuntimeError("NETWORK_FAILED", `Cannot ${what}: there is no plugin ${plugin.type} in ${folders.join(", ")}`, {
      hint: "apt-get install containernetworking-plugins, or set CNI_PATH",
    });
  const environment = {
    PATH: process.env["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin",
    CNI_COMMAND: command,
    CNI_CONTAINERID: chain.containerID,
    CNI_NETNS: isNamespace(chain.namespace) ? chain.namespace : "",
    CNI_IFNAME: chain.device,
    CNI_PATH: folders.join(delimiter),
    CNI_ARGS: "IgnoreUnknown=1",
  };
  const words = [minder, "attend", String(PATIENCE_SECONDS), program] as const;
  const { status, stdout, stderr } = await collect(words, environment, JSON.stringify(pluginInput(chain, plugin, before)), held);
  if (status === 0) return stdout;
  throw new RuntimeError("NETWORK_FAILED", `Cannot ${what}: plugin ${plugin.type} says: ${saidOf(stdout, stderr) || `nothing, and ended with ${status}`}`);
}

/** Spec: linux/magic.h, NSFS_MAGIC */
const NAMESPACES = 0x6e736673;

/** Not the file for one that was never pinned, or that a reboot took: plugins give back without a namespace, but refuse what is none. */
function isNamespace(path: string): boolean {
  try {
    return statfsSync(path).type === NAMESPACES;
  } catch {
    return false;
  }
}

/** Plugins tell errors as JSON on standard output. */
function saidOf(stdout: string, stderr: string): string {
  try {
    const { msg = "", details = "" } = JSON.parse(stdout) as { readonly msg?: string; readonly details?: string };
    return [msg, details].filter((part) => part !== "").join(": ");
  } catch {
    return stderr.trim() || stdout.trim();
  }
}

interface Collected {
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

async function collect([program, ...args]: readonly [string, ...string[]], env: NodeJS.ProcessEnv, input: string, { fd }: Lock): Promise<Collected> {
  return await new Promise((resolve) => {
    const child = spawn(program, args, { env, stdio: ["pipe", "pipe", "pipe", fd] });
    const said = { stdout: "", stderr: "" };
    child.stdout?.on("data", (data: Buffer) => (said.stdout += data.toString()));
    child.stderr?.on("data", (data: Buffer) => (said.stderr += data.toString()));
    child.once("error", (error) => resolve({ ...said, stderr: error.message, status: "an error" }));
    child.once("close", (status, signal) => resolve({ ...said, status: status ?? signal ?? "an error" }));
    child.stdin?.on("error", () => {}); // its status tells
    child.stdin?.end(input);
  });
}
