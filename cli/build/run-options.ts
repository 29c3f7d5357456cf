/** Flags about RUN steps: --ssh, --allow, and docker's limits of memory and cpus. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import type { RunLimits } from "../../builder/executor.ts";
import { parseBytes } from "../../builder/plan/mount.ts";
import type { BuildRequest, SshSource } from "../../builder/request.ts";
import { UsageError } from "../errors.ts";
import { collect } from "../collect.ts";

export interface RunFlags {
  readonly ssh: readonly string[];
  readonly allow: readonly string[];
  readonly memory?: string;
  readonly memorySwap?: string;
  readonly cpuShares?: string;
  readonly cpuPeriod?: string;
  readonly cpuQuota?: string;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
}

export function defineRunFlags(command: Command): void {
  command
    .option("--ssh <id[=…]>", "for RUN --mount=type=ssh: default, or ID=SOCKET, or ID=KEY[,KEY]", collect, [])
    .option("--allow <entitlement>", "security.insecure for RUN --security=insecure; network.host is always allowed", collect, [])
    .option("-m, --memory <bytes>", "memory limit of each RUN step")
    .option("--memory-swap <bytes>", "memory and swap together, -1 for no limit")
    .option("-c, --cpu-shares <number>", "weight among other programs")
    .option("--cpu-period <microseconds>", "length of a period of cpu time")
    .option("--cpu-quota <microseconds>", "cpu time in each period")
    .option("--cpuset-cpus <list>", "cpus that RUN steps may use")
    .option("--cpuset-mems <list>", "memory nodes that RUN steps may use");
}

/** @throws {UsageError} @throws {BuilderError} `FLAG_INVALID` */
export function runOptions(flags: RunFlags, env: NodeJS.ProcessEnv): Pick<BuildRequest, "ssh" | "allow" | "limits"> {
  const limits = runLimits(flags);
  return {
    ssh: new Map(flags.ssh.map((text) => sshSource(text, env))),
    allow: new Set(flags.allow.map(entitlement)),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
  };
}

function entitlement(text: string): "network.host" | "security.insecure" {
  if (text === "network.host" || text === "security.insecure") return text;
  throw new UsageError(`Cannot use --allow ${text}: expected network.host or security.insecure`);
}

/** One path that is a socket is an agent's; others are keys. */
function sshSource(text: string, env: NodeJS.ProcessEnv): readonly [string, SshSource] {
  const [id = "", paths = ""] = /^([^=]*)(?:=(.*))?$/s.exec(text)?.slice(1) ?? [];
  if (id === "") throw new UsageError(`Cannot read --ssh ${text}: it has no id`);
  if (paths === "") {
    const path = env["SSH_AUTH_SOCK"];
    if (path !== undefined && path !== "") return [id, { kind: "socket", path }];
    throw new UsageError(`Cannot use --ssh ${text}: there is no agent, SSH_AUTH_SOCK is not set`);
  }
  const files = paths.split(",").map((path) => resolve(path));
  const sockets = files.filter((path) => isSocket(path, text));
  if (sockets.length === 0) return [id, { kind: "keys", paths: files }];
  const [path = ""] = sockets;
  if (files.length > 1) throw new UsageError(`Cannot use --ssh ${text}: only one socket can be given, and no keys beside it`);
  return [id, { kind: "socket", path }];
}

function isSocket(path: string, flag: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined || stat.isDirectory()) throw new UsageError(`Cannot use --ssh ${flag}: ${path} is ${stat === undefined ? "not there" : "a folder"}`);
  return stat.isSocket();
}

function runLimits(flags: RunFlags): RunLimits {
  return {
    ...(flags.memory === undefined ? {} : { memory: readSize("memory", flags.memory) }),
    ...(flags.memorySwap === undefined ? {} : { memorySwap: flags.memorySwap === "-1" ? -1 : readSize("memory-swap", flags.memorySwap) }),
    ...number("cpuShares", flags.cpuShares),
    ...number("cpuPeriod", flags.cpuPeriod),
    ...number("cpuQuota", flags.cpuQuota),
    ...(flags.cpusetCpus === undefined ? {} : { cpusetCpus: flags.cpusetCpus }),
    ...(flags.cpusetMems === undefined ? {} : { cpusetMems: flags.cpusetMems }),
  };
}

/** @throws {UsageError} */
export function readSize(flag: string, text: string): number {
  try {
    return parseBytes(text);
  } catch {
    throw new UsageError(`Cannot read --${flag} ${text}: expected a size, such as 512m`);
  }
}

function number(name: string, text: string | undefined): object {
  if (text === undefined) return {};
  if (!/^-?\d+$/.test(text)) throw new UsageError(`Cannot read ${JSON.stringify(text)} as a limit of cpu time: expected a whole number`);
  return { [name]: Number(text) };
}
