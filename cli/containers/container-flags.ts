/** The flags that `run` and `create` share, and the engine's options that they make. */
import type { Command } from "commander";
import type { ContainerOptions, RestartPolicy } from "../../runtime/engine.ts";
import type { Limits } from "../../runtime/limits.ts";
import { UsageError } from "../errors.ts";
import { fromOwn, readEnvFile } from "./environment-flags.ts";
import { addDeviceRateFlags, type DeviceRateFlags, deviceRates } from "./device-rate-flags.ts";
import { addHealthFlags, type HealthFlags, healthcheckOf } from "./health-flags.ts";
import { keyValue } from "./key-value.ts";
import { parseLog } from "./log-flags.ts";
import { parseMountFlag, parseTmpfsFlag, parseVolumeFlag } from "./mount-flags.ts";
import { parseNetworks, refuseBesideShared } from "./network-flag.ts";
import { addPlacementFlags, type PlacementFlags, placementOf } from "./placement-flags.ts";
import { parsePortFlag } from "./port-flags.ts";
import { REFUSED_AT_CREATE, refuseFlags } from "./refused-flags.ts";
import { securityOptions } from "./security-flags.ts";
import { parseBytes, parseNumber } from "./sizes.ts";
import { checkHosts, checkServers } from "./host-flags.ts";
import { userNamespace } from "./user-namespace-flags.ts";
import { collect } from "../collect.ts";

export interface ContainerFlags extends HealthFlags, DeviceRateFlags, PlacementFlags {
  readonly addHost: readonly string[];
  readonly attach: readonly string[];
  readonly blkioWeight?: number;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly cidfile?: string;
  readonly cpuPeriod?: number;
  readonly cpuQuota?: number;
  readonly cpuShares?: number;
  readonly cpus?: number;
  /** Of run. */
  readonly detach?: boolean;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly device: readonly string[];
  readonly dns: readonly string[];
  readonly dnsOption: readonly string[];
  readonly dnsOpt: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly entrypoint?: string;
  readonly env: readonly string[];
  readonly envFile: readonly string[];
  readonly groupAdd: readonly string[];
  readonly hostname?: string;
  readonly init?: boolean;
  readonly interactive?: boolean;
  readonly ipc?: string;
  readonly label: readonly string[];
  readonly labelFile: readonly string[];
  readonly logDriver?: string;
  readonly logOpt: readonly string[];
  readonly memory?: number;
  readonly memoryReservation?: number;
  readonly memorySwap?: number;
  readonly memorySwappiness?: number;
  readonly mount: readonly string[];
  readonly name?: string;
  readonly net: readonly string[];
  readonly netAlias: readonly string[];
  readonly network: readonly string[];
  readonly networkAlias: readonly string[];
  readonly oomKillDisable?: boolean;
  readonly oomScoreAdj?: number;
  readonly pid?: string;
  readonly pidsLimit?: number;
  readonly platform?: string;
  readonly privileged?: boolean;
  readonly publish: readonly string[];
  readonly publishAll?: boolean;
  readonly pull: string;
  readonly quiet?: boolean;
  readonly readOnly?: boolean;
  readonly restart?: string;
  readonly rm?: boolean;
  readonly securityOpt: readonly string[];
  readonly shmSize?: number;
  readonly stopSignal?: string;
  readonly stopTimeout?: number;
  readonly storageOpt: readonly string[];
  readonly sysctl: readonly string[];
  readonly tmpfs: readonly string[];
  readonly tty?: boolean;
  readonly ulimit: readonly string[];
  readonly user?: string;
  readonly userns?: string;
  readonly uidmap: readonly string[];
  readonly gidmap: readonly string[];
  readonly volume: readonly string[];
  readonly volumesFrom: readonly string[];
  readonly workdir?: string;
}

const NONE: readonly string[] = [];

export function addContainerFlags(command: Command): Command {
  refuseFlags(command, REFUSED_AT_CREATE);
  return addHealthFlags(addDeviceRateFlags(addPlacementFlags(addLimitFlags(processFlags(placeFlags(command))))));
}

function processFlags(command: Command): Command {
  return command
    .option("-e, --env <name=value>", "set an environment variable", collect, NONE)
    .option("--env-file <file>", "read environment variables from a file; commit leaves them out", collect, NONE)
    .option("--entrypoint <program>", "overwrite the image's entrypoint")
    .option("-a, --attach <stream>", "stdin, stdout or stderr: only these", collect, NONE)
    .option("-i, --interactive", "keep stdin open")
    .option("-t, --tty", "give it a terminal")
    .option("-u, --user <name|uid[:group]>", "run as this user")
    .option("--group-add <group>", "add a supplementary group", collect, NONE)
    .option("-w, --workdir <path>", "working folder in the container")
    .option("--cap-add <capability>", "add a capability", collect, NONE)
    .option("--cap-drop <capability>", "drop a capability", collect, NONE)
    .option("--privileged", "lift most restrictions")
    .option(
      "--security-opt <option>",
      "no-new-privileges, seccomp=unconfined|FILE, apparmor=PROFILE, systempaths=unconfined, label=disable, proc=host",
      collect,
      NONE,
    )
    .option("--init", "run a small init as pid 1 that reaps and forwards signals")
    .option("--ulimit <name=soft[:hard]>", "set a resource limit of the process", collect, NONE)
    .option("--sysctl <name=value>", "set a namespaced kernel parameter", collect, NONE)
    .option("--stop-signal <signal>", "what stops it")
    .option("--stop-timeout <seconds>", "patience before it is killed", parseNumber)
    .option("--log-driver <driver>", "json-file, local (bounded), k8s-file (the CRI format) or none")
    .option("--log-opt <key=value>", "max-size=10m and max-file=3 bound the log; labels, env and tag are told by logs --details", collect, NONE)
    .option("--restart <policy>", "no, on-failure[:N], always or unless-stopped")
    .option("--oom-kill-disable", "let its processes wait for memory instead")
    .option("--memory-swappiness <n>", "eagerness to swap, 0 to 100", parseNumber)
    .option("--oom-score-adj <n>", "preference of the kernel's out-of-memory killer", parseNumber)
    .option("--pid <namespace>", "host or container:NAME")
    .option("--ipc <namespace>", "host, private or container:NAME")
    .option("--userns <namespace>", "host, or auto: root inside is nobody outside")
    .option("--uidmap <container:host:size>", "map user ids in a user namespace of its own", collect, NONE)
    .option("--gidmap <container:host:size>", "map group ids in a user namespace of its own", collect, NONE);
}

function placeFlags(command: Command): Command {
  return command
    .option("--name <name>", "name of the container")
    .option("-h, --hostname <name>", "its host name")
    .option("-v, --volume <[source:]target[:options]>", "mount a volume or a folder", collect, NONE)
    .option("--volumes-from <container[:ro]>", "mount what that container has mounted", collect, NONE)
    .option("--mount <options>", "mount by key=value options", collect, NONE)
    .option("--tmpfs <target[:options]>", "mount a tmpfs", collect, NONE)
    .option("--shm-size <size>", "size of /dev/shm", parseBytes)
    .option("--read-only", "make the root read-only")
    .option("--storage-opt <option>", "size=SIZE bounds what it writes to its own files", collect, NONE)
    .option("--device <device>", "add a device of the host", collect, NONE)
    .option("-p, --publish <[[ip:]port:]port>", "publish a port on the host", collect, NONE)
    .option("-P, --publish-all", "publish every exposed port on a free one")
    .option("--network <mode>", "bridge, host, none, container:NAME, cni:NAME or a network; name=NET,alias=A,ip=… for more", collect, NONE)
    .option("--net <mode>", "the same as --network", collect, NONE)
    .option("--network-alias <name>", "a further name on its networks", collect, NONE)
    .option("--net-alias <name>", "the same as --network-alias", collect, NONE)
    .option("--add-host <name:ip>", "a line for /etc/hosts", collect, NONE)
    .option("--dns <ip>", "a name server", collect, NONE)
    .option("--dns-search <domain>", "a search domain", collect, NONE)
    .option("--dns-option <option>", "a resolver option", collect, NONE)
    .option("--dns-opt <option>", "the same as --dns-option", collect, NONE)
    .option("-l, --label <key=value>", "set a label", collect, NONE)
    .option("--label-file <file>", "read labels from a file", collect, NONE)
    .option("--cidfile <file>", "write the container's id to a file")
    .option("--rm", "remove it when it has ended")
    .option("--platform <os/arch>", "platform of the image")
    .option("--pull <when>", "always, missing or never", "missing")
    .option("-q, --quiet", "do not tell of the pull");
}

/** The limits that `update` changes too. */
export function addLimitFlags(command: Command): Command {
  return command
    .option("--cpus <n>", "number of cpus", parseNumber)
    .option("--cpu-period <microseconds>", "period of the cpu quota", parseNumber)
    .option("--cpu-quota <microseconds>", "cpu time in each period", parseNumber)
    .option("-c, --cpu-shares <weight>", "share of cpu time under contention", parseNumber)
    .option("--cpuset-cpus <list>", "cpus it may use")
    .option("--cpuset-mems <list>", "memory nodes it may use")
    .option("-m, --memory <size>", "memory limit", parseBytes)
    .option("--memory-swap <size>", "memory and swap together; -1 is unlimited", parseBytes)
    .option("--memory-reservation <size>", "soft memory limit", parseBytes)
    .option("--blkio-weight <n>", "share of disk time", parseNumber)
    .option("--pids-limit <n>", "number of processes", parseNumber);
}

/** @throws {UsageError} */
export function toOptions(flags: ContainerFlags, command: readonly string[], env: NodeJS.ProcessEnv): Omit<ContainerOptions, "image"> {
  const security = securityOptions(flags.securityOpt);
  const spaces = userNamespace(flags);
  const networks = parseNetworks([...flags.network, ...flags.net], [...flags.networkAlias, ...flags.netAlias]);
  refuseBesideShared(networks.network, flags);
  const fileEnv = flags.envFile.flatMap(readEnvFile);
  return {
    ...pick(flags, [
      "name",
      "hostname",
      "user",
      "tty",
      "init",
      "privileged",
      "readOnly",
      "shmSize",
      "stopSignal",
      "stopTimeout",
      "publishAll",
      "capAdd",
      "capDrop",
      "groupAdd",
    ]),
    ...(flags.interactive !== undefined && { openStdin: flags.interactive }),
    ...(flags.interactive === true && flags.detach === true && { stdinStays: true }),
    ...(flags.workdir !== undefined && { cwd: flags.workdir }),
    ...(flags.entrypoint !== undefined && { entrypoint: [flags.entrypoint] }),
    ...(command.length > 0 && { command }),
    env: [...fileEnv, ...flags.env].flatMap((entry) => fromOwn(entry, env)),
    ...(fileEnv.length > 0 && { secretEnv: fileEnv.map(nameOf).filter((name) => !flags.env.some((entry) => nameOf(entry) === name)) }),
    labels: Object.fromEntries([...flags.labelFile.flatMap(readEnvFile), ...flags.label].map(keyValue)),
    mounts: [...flags.volume.map(parseVolumeFlag), ...flags.mount.map(parseMountFlag), ...flags.tmpfs.map(parseTmpfsFlag)],
    ...(flags.volumesFrom.length > 0 && { volumesFrom: flags.volumesFrom.map(parseVolumesFrom) }),
    limits: { ...limitsOf(flags), ...deviceRates(flags) },
    ...healthcheckOf(flags),
    ports: flags.publish.flatMap(parsePortFlag),
    extraHosts: checkHosts(flags.addHost),
    dns: { servers: checkServers(flags.dns), search: flags.dnsSearch, options: [...flags.dnsOption, ...flags.dnsOpt] },
    ...networks,
    ...placementOf(flags),
    ...security,
    ...parseLog(flags.logDriver, flags.logOpt),
    ulimits: flags.ulimit.map(parseUlimit),
    sysctls: Object.fromEntries(flags.sysctl.map(keyValue)),
    devices: flags.device,
    ...(flags.pid !== undefined && flags.pid !== "" && { pidMode: joinable(flags.pid) }),
    ...(flags.ipc !== undefined && !["", "private", "shareable", "none"].includes(flags.ipc) && { ipcMode: joinable(flags.ipc) }),
    ...(spaces !== undefined && { userNamespace: spaces }),
    ...(flags.restart !== undefined && { restart: parseRestart(flags.restart) }),
    autoRemove: flags.rm ?? false,
  };
}

function nameOf(entry: string): string {
  return entry.split("=", 1)[0] ?? "";
}

/** `NAME[:ro|rw]`. */
function parseVolumesFrom(text: string): NonNullable<ContainerOptions["volumesFrom"]>[number] {
  const [container = "", access] = text.split(":");
  if (container === "" || (access !== undefined && access !== "ro" && access !== "rw")) throw new UsageError(`invalid --volumes-from: ${JSON.stringify(text)}`);
  return access === undefined ? { container } : { container, readOnly: access === "ro" };
}

export function limitsOf(flags: Partial<ContainerFlags>): Limits {
  return pick(flags, [
    "cpus",
    "cpuPeriod",
    "cpuQuota",
    "cpuShares",
    "cpusetCpus",
    "cpusetMems",
    "memory",
    "memorySwap",
    "memoryReservation",
    "pidsLimit",
    "blkioWeight",
    "oomScoreAdj",
    "memorySwappiness",
    "oomKillDisable",
  ]);
}

/** The fields that are there. */
function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): { [P in K]?: Exclude<T[P], undefined> } {
  return Object.fromEntries(keys.flatMap((key) => (from[key] === undefined ? [] : [[key, from[key]]]))) as { [P in K]?: Exclude<T[P], undefined> };
}

/** @throws {UsageError} */
export function parseRestart(text: string): RestartPolicy {
  const [name = "", count] = text.split(":");
  if (name !== "no" && name !== "on-failure" && name !== "always" && name !== "unless-stopped")
    throw new UsageError(`invalid restart policy: ${JSON.stringify(text)}`);
  return count === undefined ? { name } : { name, maximumRetryCount: parseNumber(count) };
}

function parseUlimit(text: string): NonNullable<ContainerOptions["ulimits"]>[number] {
  const match = /^([a-z]+)=(-1|unlimited|\d+)(?::(-1|unlimited|\d+))?$/.exec(text);
  if (match === null) throw new UsageError(`invalid ulimit: ${JSON.stringify(text)}`);
  const [, name = "", soft = "", hard = soft] = match;
  const value = (word: string): number => (word === "unlimited" ? -1 : Number(word));
  const limit = { name, soft: value(soft), hard: value(hard) };
  if (limit.hard !== -1 && (limit.soft === -1 || limit.soft > limit.hard))
    throw new UsageError(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`); // docker's words
  return limit;
}

function joinable(text: string): "host" | { readonly container: string } {
  if (text === "host") return "host";
  if (text.startsWith("container:")) return { container: text.slice("container:".length) };
  throw new UsageError(`invalid namespace: ${JSON.stringify(text)}`);
}
