/** A container as docker inspect shows it. Pure. Spec: Docker Engine API, ContainerInspect. */
import { join } from "node:path";
import type { Container, ContainerRecord, HealthState, MountPoint } from "../../runtime/engine.ts";
import type { DeviceRate } from "../../runtime/limits.ts";
import type { EndpointState, PortMapping } from "../../runtime/networks.ts";
import { shortImage } from "./container-row.ts";
import { hostOf } from "./port-flags.ts";

const NEVER = "0001-01-01T00:00:00Z";

/** JSON with docker's spelling. */
export function inspectContainer({ record, status }: Container, root: string): Readonly<Record<string, unknown>> {
  const folder = join(root, "containers", record.id);
  const is = (name: string): boolean => status.status === name;
  return {
    Id: record.id,
    Created: record.createdAt,
    Path: record.path,
    Args: record.args,
    State: {
      Status: status.status,
      Running: is("running") || is("paused"),
      Paused: is("paused"),
      Restarting: is("restarting"),
      OOMKilled: status.exit?.oomKilled ?? false,
      Dead: is("dead"),
      Pid: status.pid,
      ExitCode: status.exit?.exitCode ?? 0,
      Error: status.error ?? "",
      StartedAt: status.startedAt ?? NEVER,
      FinishedAt: status.exit === undefined || is("running") || is("paused") ? NEVER : status.exit.finishedAt,
      ...(status.health !== undefined && { Health: health(status.health) }),
    },
    Image: record.imageID,
    ResolvConfPath: join(folder, "resolv.conf"),
    HostnamePath: join(folder, "hostname"),
    HostsPath: join(folder, "hosts"),
    LogPath: record.options.unlogged === true ? "" : (record.options.log?.path ?? join(folder, "log.json")),
    Name: `/${record.name}`,
    RestartCount: record.restartCount,
    Driver: "overlay2",
    Platform: "linux",
    HostConfig: hostConfig(record),
    GraphDriver: {
      Name: "overlay2",
      Data: { UpperDir: join(root, "active", `container-${record.id}`, "fs"), WorkDir: join(root, "active", `container-${record.id}`, "work") },
    },
    Mounts: record.mounts.filter(({ kind }) => kind !== "tmpfs").map(mount),
    Config: config(record),
    NetworkSettings: networkSettings(record),
  };
}

function health({ status, failingStreak, log }: HealthState): Readonly<Record<string, unknown>> {
  return {
    Status: status,
    FailingStreak: failingStreak,
    Log: log.map(({ start, end, exitCode, output }) => ({ Start: start, End: end, ExitCode: exitCode, Output: output })),
  };
}

function hostConfig({ options, mounts }: ContainerRecord): Readonly<Record<string, unknown>> {
  const limits = options.limits ?? {};
  return {
    Binds: mounts.filter((point) => point.kind !== "tmpfs").map((point) => `${point.name ?? point.source}:${point.target}${point.readOnly ? ":ro" : ""}`),
    NetworkMode: "id" in options.network ? `container:${options.network.id}` : modeName(options.network),
    PortBindings: portMap(options.ports ?? []),
    RestartPolicy: { Name: options.restart?.name ?? "no", MaximumRetryCount: options.restart?.maximumRetryCount ?? 0 },
    AutoRemove: options.autoRemove ?? false,
    CapAdd: nullable(options.capAdd),
    CapDrop: nullable(options.capDrop),
    Dns: options.dns?.servers ?? [],
    ExtraHosts: nullable(options.extraHosts),
    IpcMode: mode(options.ipcMode),
    PidMode: mode(options.pidMode),
    Privileged: options.privileged ?? false,
    PublishAllPorts: options.publishAll ?? false,
    ReadonlyRootfs: options.readOnly ?? false,
    ShmSize: options.shmSize ?? 64 * 1024 * 1024,
    StorageOpt: options.storageLimit === undefined ? null : { size: options.storageLimit.text },
    Sysctls: options.sysctls ?? {},
    CpuShares: limits.cpuShares ?? 0,
    NanoCpus: Math.round((limits.cpus ?? 0) * 1e9),
    CpuPeriod: limits.cpuPeriod ?? 0,
    CpuQuota: limits.cpuQuota ?? 0,
    CpusetCpus: limits.cpusetCpus ?? "",
    Memory: limits.memory ?? 0,
    MemoryReservation: limits.memoryReservation ?? 0,
    MemorySwap: limits.memorySwap ?? (limits.memory ?? 0) * 2,
    LogConfig: logConfig(options),
    PidsLimit: limits.pidsLimit ?? null,
    BlkioWeight: limits.blkioWeight ?? 0,
    BlkioWeightDevice: (limits.blkioWeightDevice ?? []).map(({ path, rate }) => ({ Path: path, Weight: rate })),
    BlkioDeviceReadBps: rates(limits.deviceReadBps),
    BlkioDeviceWriteBps: rates(limits.deviceWriteBps),
    BlkioDeviceReadIOps: rates(limits.deviceReadIOps),
    BlkioDeviceWriteIOps: rates(limits.deviceWriteIOps),
    CpusetMems: limits.cpusetMems ?? "",
    SecurityOpt: nullable(securityOptions(options)),
    Ulimits: (options.ulimits ?? []).map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
    Init: options.init === true ? true : null,
    CgroupParent: options.cgroupParent ?? "",
    CgroupnsMode: options.cgroupns ?? "private",
    UTSMode: options.utsMode ?? "",
    UsernsMode: typeof options.userNamespace === "string" ? options.userNamespace : "",
    DnsOptions: options.dns?.options ?? [],
    DnsSearch: options.dns?.search ?? [],
    GroupAdd: nullable(options.groupAdd),
    Links: null,
    VolumeDriver: "",
    VolumesFrom: nullable(
      (options.volumesFrom ?? []).map(({ container, readOnly }) => (readOnly === undefined ? container : `${container}:${readOnly ? "ro" : "rw"}`)),
    ),
    OomScoreAdj: limits.oomScoreAdj ?? 0,
    OomKillDisable: limits.oomKillDisable ?? false,
    MemorySwappiness: limits.memorySwappiness ?? null,
    Devices: (options.devices ?? []).map(deviceOf),
    DeviceCgroupRules: nullable((options.deviceRules ?? []).map(({ type, major, minor, access }) => `${type} ${major ?? "*"}:${minor ?? "*"} ${access}`)),
    Tmpfs: Object.fromEntries(mounts.filter(({ kind }) => kind === "tmpfs").map((point) => [point.target, (point.options ?? []).join(",")])),
    Runtime: "strata",
    Isolation: "",
    Annotations: options.annotations ?? null,
  };
}

function logConfig({ log, unlogged }: ContainerRecord["options"]): Readonly<Record<string, unknown>> {
  if (unlogged === true) return { Type: "none", Config: {} };
  const { maxSize = 0, maxFiles, details = {} } = log ?? {};
  const sizes = maxSize === 0 ? {} : { "max-size": String(maxSize), "max-file": String(maxFiles ?? 1) };
  const { labelsRegex, envRegex, ...rest } = details;
  const patterns = { ...(labelsRegex !== undefined && { "labels-regex": labelsRegex }), ...(envRegex !== undefined && { "env-regex": envRegex }) };
  return { Type: log?.driver ?? (log?.format === "cri" ? "k8s-file" : "json-file"), Config: { ...sizes, ...rest, ...patterns } };
}

function config({ id, config: execution, options, imageName, imageID }: ContainerRecord): Readonly<Record<string, unknown>> {
  return {
    Hostname: options.hostname ?? id.slice(0, 12),
    Domainname: options.domainname ?? "",
    AttachStdin: options.openStdin ?? false,
    AttachStdout: true,
    AttachStderr: true,
    StdinOnce: false,
    OnBuild: null,
    User: execution.User ?? "",
    Tty: options.tty ?? false,
    OpenStdin: options.openStdin ?? false,
    Env: execution.Env ?? [],
    Cmd: execution.Cmd ?? null,
    Image: options.imageReference ?? shortImage(imageName) ?? imageID,
    Volumes: execution.Volumes ?? null,
    WorkingDir: execution.WorkingDir ?? "",
    Entrypoint: execution.Entrypoint ?? null,
    Labels: execution.Labels ?? {},
    ...(execution.ExposedPorts !== undefined && { ExposedPorts: execution.ExposedPorts }),
    ...(options.stopTimeout !== undefined && { StopTimeout: options.stopTimeout }),
    ...(execution.StopSignal !== undefined && { StopSignal: execution.StopSignal }),
    ...(execution.Healthcheck !== undefined && { Healthcheck: execution.Healthcheck }),
  };
}

function networkSettings({ id, network, config: execution }: ContainerRecord): Readonly<Record<string, unknown>> {
  const own = {
    IPAddress: network.address ?? "",
    IPPrefixLen: network.prefixLength ?? 0,
    Gateway: network.gateway ?? "",
    MacAddress: network.mac ?? "",
    GlobalIPv6Address: network.endpoints?.[0]?.address6 ?? "",
    GlobalIPv6PrefixLen: network.endpoints?.[0]?.prefixLength6 ?? 0,
    IPv6Gateway: network.endpoints?.[0]?.gateway6 ?? "",
  };
  const exposed = Object.keys(execution.ExposedPorts ?? {}).map((port) => [port, null] as const);
  const isUp = network.namespace !== undefined;
  return {
    SandboxID: isUp ? id : "",
    SandboxKey: network.namespace ?? "",
    Ports: isUp ? { ...Object.fromEntries(exposed), ...portMap(network.ports) } : {},
    ...own,
    Networks: networksOf(id, network),
  };
}

/** The networks it is on, or those of its options while it is on none. */
function networksOf(id: string, { mode, endpoints }: ContainerRecord["network"]): Readonly<Record<string, unknown>> {
  const { network: name, aliases } = mode.kind === "bridge" ? { network: mode.name, aliases: mode.aliases } : { network: modeName(mode), aliases: undefined };
  const none = { network: name, networkID: "", address: "", prefixLength: 0, gateway: "", mac: "", device: "" };
  const all: readonly EndpointState[] = endpoints ?? [{ ...none, ...(aliases !== undefined && { aliases }) }];
  return Object.fromEntries(
    all.map((one) => [
      one.network,
      {
        IPAMConfig: null,
        Links: null,
        Aliases: one.aliases ?? null,
        NetworkID: one.networkID,
        EndpointID: one.networkID === "" ? "" : `${one.networkID.slice(0, 32)}${id.slice(0, 32)}`,
        Gateway: one.gateway,
        IPAddress: one.address,
        IPPrefixLen: one.prefixLength,
        IPv6Gateway: one.gateway6 ?? "",
        GlobalIPv6Address: one.address6 ?? "",
        GlobalIPv6PrefixLen: one.prefixLength6 ?? 0,
        MacAddress: one.mac,
        DriverOpts: null,
      },
    ]),
  );
}

/** `--network` as it would be written. */
export function modeName(mode: ContainerRecord["network"]["mode"]): string {
  return mode.kind === "bridge" || mode.kind === "cni" ? mode.name : mode.kind;
}

export function portMap(ports: readonly PortMapping[]): Readonly<Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[]>> {
  const map: Record<string, { readonly HostIp: string; readonly HostPort: string }[]> = {};
  for (const port of ports) (map[`${port.containerPort}/${port.protocol}`] ??= []).push({ HostIp: hostOf(port), HostPort: String(port.hostPort) });
  return map;
}

function mount(point: MountPoint): Readonly<Record<string, unknown>> {
  return {
    Type: point.kind,
    ...(point.name !== undefined && { Name: point.name, Driver: "local" }),
    Source: join(point.source, point.subPath ?? ""),
    Destination: point.target,
    Mode: point.readOnly ? "ro" : "",
    RW: !point.readOnly,
    Propagation: point.kind === "bind" ? "rprivate" : "",
  };
}

/** `HOST[:CONTAINER[:rwm]]`. */
function deviceOf(text: string): Readonly<Record<string, string>> {
  const [host = "", inside = host, access = "rwm"] = text.split(":");
  return { PathOnHost: host, PathInContainer: inside, CgroupPermissions: access };
}

function rates(all: readonly DeviceRate[] = []): readonly { readonly Path: string; readonly Rate: number }[] {
  return all.map(({ path, rate }) => ({ Path: path, Rate: rate }));
}

function securityOptions({ noNewPrivileges, seccomp, hostProc }: ContainerRecord["options"]): readonly string[] {
  return [
    ...(noNewPrivileges === true ? ["no-new-privileges"] : []),
    ...(seccomp === undefined || seccomp === "default" ? [] : [`seccomp=${seccomp}`]),
    ...(hostProc === true ? ["proc=host"] : []),
  ];
}

function mode(value: "host" | { readonly container: string } | undefined): string {
  return value === undefined ? "" : value === "host" ? "host" : `container:${value.container}`;
}

function nullable(list: readonly string[] | undefined): readonly string[] | null {
  return list === undefined || list.length === 0 ? null : list;
}
