/** A container as docker inspect shows it. Pure. Spec: Docker Engine API, ContainerInspect. */
import { join } from "node:path";
import type { Container, ContainerRecord, HealthState, MountPoint } from "../../runtime/engine.ts";
import { parseDevice } from "../../runtime/engine/devices.ts";
import type { DeviceRate } from "../../runtime/limits.ts";
import { shortImage } from "./container-row.ts";
import { bindings, modeName, networkSettings } from "./inspect-networks.ts";

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
    AppArmorProfile: record.options.apparmor ?? "",
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
    PortBindings: bindings(options.ports ?? []),
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

/** It ends with that of the first client. */
function isStdinOnce({ openStdin = false, stdinStays = false }: ContainerRecord["options"]): boolean {
  return openStdin && !stdinStays;
}

function config({ id, config: execution, options, imageName, imageID }: ContainerRecord): Readonly<Record<string, unknown>> {
  return {
    Hostname: options.hostname ?? id.slice(0, 12),
    Domainname: options.domainname ?? "",
    AttachStdin: isStdinOnce(options),
    AttachStdout: true,
    AttachStderr: true,
    StdinOnce: isStdinOnce(options),
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

function mount(point: MountPoint): Readonly<Record<string, unknown>> {
  return {
    Type: point.kind,
    ...(point.name !== undefined && { Name: point.name, Driver: "local" }),
    Source: join(point.source, point.subPath ?? ""),
    Destination: point.target,
    Mode: point.readOnly ? "ro" : "",
    RW: !point.readOnly,
    Propagation: point.kind === "bind" ? (point.options?.find((word) => /^r?(?:private|shared|slave)$/.test(word)) ?? "rprivate") : "",
  };
}

function deviceOf(flag: string): Readonly<Record<string, string>> {
  const { source, target, access } = parseDevice(flag);
  return { PathOnHost: source, PathInContainer: target, CgroupPermissions: access };
}

function rates(all: readonly DeviceRate[] = []): readonly { readonly Path: string; readonly Rate: number }[] {
  return all.map(({ path, rate }) => ({ Path: path, Rate: rate }));
}

function securityOptions({ noNewPrivileges, seccomp, apparmor, hostProc }: ContainerRecord["options"]): readonly string[] {
  return [
    ...(noNewPrivileges === true ? ["no-new-privileges"] : []),
    ...(seccomp === undefined || seccomp === "default" ? [] : [`seccomp=${seccomp}`]),
    ...(apparmor === undefined ? [] : [`apparmor=${apparmor}`]),
    ...(hostProc === true ? ["proc=host"] : []),
  ];
}

function mode(value: "host" | { readonly container: string } | undefined): string {
  return value === undefined ? "" : value === "host" ? "host" : `container:${value.container}`;
}

function nullable(list: readonly string[] | undefined): readonly string[] | null {
  return list === undefined || list.length === 0 ? null : list;
}
