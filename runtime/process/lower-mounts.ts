/** Pure: the root, its mounts and devices, and what is hidden at the end. */
import { DEFAULT_DEVICES, DEFAULT_LINKS } from "../defaults.ts";
import { RuntimeError } from "../errors.ts";
import type { CreateRequest, RootLayers } from "../process.ts";
import type { DeviceSpec, MountSpec, Spec } from "../spec.ts";
import { groupFolder, type Groups } from "./cgroup/groups.ts";
import { propagationOf } from "./check-spec.ts";
import { labelWords, mountLabelOf } from "./labels.ts";
import { mapText } from "./map-text.ts";
import { type MountOptions, parseMountOptions, RDONLY } from "./mount-options.ts";
import type { Operation } from "./operation.ts";

export interface MountContext {
  /** Devices are bound, for mknod is refused there. */
  readonly userNamespace: boolean;
  /** It is made for this container: the network may be another's. */
  readonly newUser: boolean;
  /** The monitor may show mounts by its map. */
  readonly mapsMounts: boolean;
  /** Sources of binds are opened outside: the root of a user namespace may not get to them. */
  readonly outside: boolean;
  readonly network: "own" | "joined" | "shared";
  readonly groups: Groups | undefined;
}

interface Labelled extends MountContext {
  /** SELinux's, of the files of mounts. */
  readonly label: string | undefined;
}

function isMapped(mount: MountSpec): boolean {
  const options = parseMountOptions(mount.options ?? []);
  return options.idmap === "flat" && isBind(mount) && !hasOwnMaps(mount);
}

/** The monitor's part of mounts that are shown by the container's map; init takes them in this order. */
export function lowerMappedBinds(spec: Spec): readonly Operation[] {
  return (spec.mounts ?? []).filter(isMapped).map(({ source = "", subPath = "", options = [] }) => {
    const { recursive } = parseMountOptions(options);
    return ["idmap-bind", source, recursive ? 1 : 0, subPath];
  });
}

/** The monitor's part, before `clone`: layers keep the image's ids on disk, so a user namespace is shown them by its own map. */
export function lowerIdmap({ spec, layers }: CreateRequest): readonly Operation[] {
  if (layers === undefined) return [];
  const folder = layers.disk?.target ?? commonFolder(layers.upper, layers.work);
  const [uid, gid] = [spec.linux?.uidMappings, spec.linux?.gidMappings].map((maps) => maps?.find((one) => one.containerID === 0)?.hostID);
  if (uid === undefined || gid === undefined) throw new RuntimeError("SPEC_INVALID", "Cannot map the container's layers: its user namespace has no root");
  return [
    [
      "idmap-overlay",
      uid,
      gid,
      layers.disk?.image ?? folder,
      layers.upper.slice(folder.length),
      layers.work.slice(folder.length),
      layers.volatile === true ? 1 : 0,
      ...layers.lowers,
    ],
  ];
}

/** The monitor's part, before `clone`: the container's group may not open the disk's device. */
export function lowerDisk({ layers }: CreateRequest, isMapped: boolean): readonly Operation[] {
  return layers?.disk === undefined || isMapped ? [] : [["disk", layers.disk.image]];
}

/** Any folder would do: only this mount namespace sees what is attached there, and paths from the root still pass below it. */
const AT = "/";

/** `isMapped`: the monitor makes the root. */
export function lowerRoot({ spec, layers }: CreateRequest, isMapped: boolean, userNamespace: boolean): readonly Operation[] {
  const propagation = (spec.linux?.rootfsPropagation ?? "rslave").replace(/^r/, "").replace("unbindable", "private");
  if (layers !== undefined && isMapped) return [["root-received", AT, propagation]];
  if (layers?.disk !== undefined && (userNamespace || propagation === "shared"))
    throw new RuntimeError("UNSUPPORTED", "Cannot bound the container's files: they are an ordinary user's, or its root is shared with the machine");
  const disk: readonly Operation[] = layers?.disk === undefined ? [] : [["disk-attach", layers.disk.target]];
  if (layers !== undefined) return [...disk, ["root-overlay", AT, propagation, ...overlayOptions(layers, userNamespace)]];
  if (spec.root === undefined || !spec.root.path.startsWith("/"))
    throw new RuntimeError("SPEC_INVALID", "Cannot find the container's root: root.path is not absolute");
  return [["root-folder", spec.root.path, propagation]];
}

export function lowerMounts(spec: Spec, given: MountContext): readonly Operation[] {
  const context = { ...given, label: mountLabelOf(spec.linux?.mountLabel) };
  const mounts = (spec.mounts ?? []).map(fromRoot);
  const dev = mounts.findLast((mount) => mount.destination === "/dev");
  const ownDev = dev === undefined || !isBind(dev); // a bound /dev has what it has, and what is asked for besides
  const devices = [...(ownDev ? DEFAULT_DEVICES : []), ...(spec.linux?.devices ?? [])];
  const outside = mounts.filter((mount) => isOpenedOutside(mount, context.outside));
  return [
    ...mounts.flatMap((mount) => lowerMount(mount, context, outside.indexOf(mount))),
    ...unique(devices).map((device) => lowerDevice(device, context)),
    ...(ownDev ? DEFAULT_LINKS.map(({ path, target }): Operation => ["link", target, path]) : []),
  ];
}

/** For the monitor, before `clone`: binds that are opened outside, in the order in which init counts them. @throws {RuntimeError} `SPEC_INVALID` */
export function lowerOutsideBinds(spec: Spec, outside: boolean): readonly Operation[] {
  return (spec.mounts ?? [])
    .map(fromRoot)
    .filter((mount) => isOpenedOutside(mount, outside))
    .map((mount): Operation => {
      const { source = "", options: words = [] } = mount;
      const options = parseMountOptions(words);
      const maps = hasOwnMaps(mount) ? mapsOf(mount, spec) : ["", ""];
      return ["outside-bind", source, options.recursive ? 1 : 0, ...maps, options.idmap === "deep" ? 1 : 0, ...attributes(options)];
    });
}

function mapsOf(mount: MountSpec, spec: Spec): readonly [string, string] {
  const { destination } = mount;
  if (!isBind(mount)) throw new RuntimeError("SPEC_INVALID", `Cannot map the ids of ${destination}: only the ids of a bind can be mapped`);
  const [uids, gids] = [mount.uidMappings ?? spec.linux?.uidMappings ?? [], mount.gidMappings ?? spec.linux?.gidMappings ?? []];
  if (uids.length > 0 && gids.length > 0) return [mapText(uids), mapText(gids)];
  throw new RuntimeError("SPEC_INVALID", `Cannot map the ids of ${destination}: neither it nor a user namespace has uidMappings and gidMappings`);
}

/** Its ids are mapped otherwise than by the container's own map, or those of all mounts below it too. */
function hasOwnMaps({ uidMappings = [], gidMappings = [], options = [] }: MountSpec): boolean {
  return uidMappings.length > 0 || gidMappings.length > 0 || parseMountOptions(options).idmap === "deep";
}

function isOpenedOutside(mount: MountSpec, outside: boolean): boolean {
  return hasOwnMaps(mount) || (outside && isBind(mount) && !isMapped(mount) && mount.subPath === undefined);
}

function isBind({ type, options = [] }: MountSpec): boolean {
  return type === "bind" || options.includes("bind") || options.includes("rbind");
}

/** Old configurations name destinations relative to the root. */
function fromRoot(mount: MountSpec): MountSpec {
  return mount.destination.startsWith("/") ? mount : { ...mount, destination: `/${mount.destination}` };
}

/** After the pivot: what must not be written, what must not be seen. */
export function lowerNarrowing(spec: Spec, groups: Groups | undefined): readonly Operation[] {
  const frozen = (spec.mounts ?? [])
    .filter((mount) => isDeferred(mount) && (mount.type !== "cgroup" || groups?.version === 1))
    .map((mount): Operation => ["remount", mount.destination, RDONLY, 0]);
  return [
    ...(spec.linux?.readonlyPaths ?? []).map((path): Operation => ["readonly", path]),
    ...(spec.linux?.maskedPaths ?? []).map((path): Operation => ["mask", path]),
    ...frozen,
    ...(spec.root?.readonly === true ? [["remount", "/", RDONLY, 0] as const] : []),
    ...lowerPropagation(spec),
  ];
}

/** What the whole root is set to last: nothing could be mounted in one that cannot be bound. */
function lowerPropagation(spec: Spec): readonly Operation[] {
  const word = spec.linux?.rootfsPropagation ?? "";
  return /^r?(?:shared|unbindable)$/.test(word) ? [["propagation", propagationOf(word)]] : [];
}

/** For the process that joins the network, while it is still privileged there. */
export function lowerEarly(spec: Spec): readonly Operation[] {
  const mount = spec.mounts?.find((one) => one.type === "sysfs");
  return mount === undefined ? [] : [["early", "sysfs", "sysfs", parseMountOptions(mount.options ?? []).set]];
}

function overlayOptions(layers: RootLayers, userNamespace: boolean): readonly string[] {
  return [
    ...layers.lowers.map((folder) => `lowerdir+=${folder}`),
    `upperdir=${layers.upper}`,
    `workdir=${layers.work}`,
    ...(layers.volatile === true ? ["volatile"] : []),
    ...(userNamespace ? ["userxattr"] : []),
  ];
}

function commonFolder(one: string, other: string): string {
  const parts = one.split("/");
  const others = other.split("/");
  const differs = parts.findIndex((part, index) => part !== others[index]);
  return parts.slice(0, differs).join("/");
}

/** Real folders only: a link there would let an image choose where the kernel's files appear. */
const REAL = new Set(["proc", "sysfs"]);

function lowerMount(mount: MountSpec, context: Labelled, outside: number): readonly Operation[] {
  const options = parseMountOptions(mount.options ?? []);
  const { destination, source = "" } = mount;
  checkMount(mount, options);
  const recursive = options.recursive ? 1 : 0;
  if (outside >= 0) return [["bind-mapped", destination, outside, recursive, ...UNCHANGED, options.propagation, ""]]; // its attributes were set outside
  if (isBind(mount)) {
    const name = isMapped(mount) ? "bind-received" : "bind";
    if (name === "bind-received" && !context.mapsMounts)
      throw new RuntimeError("SPEC_INVALID", `Cannot map the ids of ${destination}: only root can, and for a container with a user namespace of its own`);
    return [[name, destination, source, recursive, ...attributes(options), options.propagation, mount.subPath ?? ""]];
  }
  if (mount.type === "cgroup" || mount.type === "cgroup2") return lowerCgroupMount(mount, options.set, context);
  if (mount.type === "sysfs" && context.newUser && context.network === "joined") return [["late", destination]];
  if (mount.type === "sysfs" && context.userNamespace && context.network === "shared") return [["bind", destination, "/sys", 1, options.set, 0, 0, 0, 0, ""]]; // a new one is the network owner's to make
  if (mount.type === undefined) throw new RuntimeError("SPEC_INVALID", `Cannot mount on ${JSON.stringify(destination)}: it has no type`);
  const set = isDeferred(mount) ? options.set & ~RDONLY : options.set;
  const real = options.copyUp ? 2 : REAL.has(mount.type) || destination === "/dev" ? 1 : 0;
  return [
    [
      "mount",
      destination,
      mount.type,
      source,
      set | options.deep.set,
      options.propagation,
      real,
      ...data(mount, options.data, context),
      ...labelWords(mount.type, context.label),
    ],
  ];
}

const UNCHANGED = [0, 0, 0, 0] as const;

/** Of the mount itself, then of all below it too. */
function attributes({ set, clear, deep }: MountOptions): readonly [number, number, number, number] {
  return [set, clear, deep.set, deep.clear];
}

/** @throws {RuntimeError} `SPEC_INVALID`, `UNSUPPORTED` for a word that would be without effect */
function checkMount(mount: MountSpec, options: MountOptions): void {
  const refuse = (why: string): never => {
    throw new RuntimeError("SPEC_INVALID", `Cannot mount on ${JSON.stringify(mount.destination)}: ${why}`);
  };
  if (mount.destination.split("/").includes("..")) refuse("the path climbs");
  if (isBind(mount) && options.data.length > 0) refuse(`a bind has no option ${JSON.stringify(options.data[0])}`);
  if (options.data.includes("remount")) refuse("there is nothing to remount yet");
  if (options.idmap !== "none" && !isBind(mount)) refuse("only the ids of a bind can be mapped");
  if (options.copyUp && mount.type !== "tmpfs") refuse("only a tmpfs can begin with what it covers (tmpcopyup)");
}

/** A tmpfs is filled (mount points, devices) before it is frozen. */
function isDeferred(mount: MountSpec): boolean {
  return (mount.type === "tmpfs" || mount.type === "cgroup") && (mount.options ?? []).includes("ro");
}

function data(mount: MountSpec, words: readonly string[], context: MountContext): readonly string[] {
  if (mount.type === "overlay")
    return [...(context.userNamespace ? ["userxattr"] : []), ...words].flatMap((word) =>
      word.startsWith("lowerdir=")
        ? word
            .slice("lowerdir=".length)
            .split(":")
            .map((folder) => `lowerdir+=${folder}`)
        : [word],
    );
  if (mount.type === "devpts" && context.userNamespace) return words.filter((word) => !word.startsWith("gid="));
  return words;
}

/** v1: a tmpfs with one bind for each hierarchy, showing the container's own group as its root. */
function lowerCgroupMount(mount: MountSpec, set: number, { groups }: MountContext): readonly Operation[] {
  const { destination } = mount;
  if (groups === undefined) return [];
  if (groups.version === 2) return [["bind", destination, groupFolder(groups, groups.members[0] ?? { controllers: [], base: "" }), 0, set, 0, 0, 0, 0, ""]];
  const binds = groups.members.map((member): Operation => [
    "bind",
    `${destination}/${member.controllers.join(",")}`,
    groupFolder(groups, member),
    0,
    set,
    0,
    0,
    0,
    0,
    "",
  ]);
  return [["mount", destination, "tmpfs", "tmpfs", set & ~RDONLY, 0, 0, "mode=755"], ...binds];
}

function unique(devices: readonly DeviceSpec[]): readonly DeviceSpec[] {
  return [...new Map(devices.map((device) => [device.path, device])).values()];
}

const TYPES = { c: 0o020000, u: 0o020000, b: 0o060000, p: 0o010000 } as const;

function lowerDevice(device: DeviceSpec, { userNamespace }: MountContext): Operation {
  if (userNamespace) return ["bind", device.path, device.path, 0, ...UNCHANGED, 0, ""]; // no mknod there: the host's own node
  const mode = TYPES[device.type] | (device.fileMode ?? 0o666);
  return ["device", device.path, mode, device.major ?? 0, device.minor ?? 0, device.uid ?? 0, device.gid ?? 0];
}
