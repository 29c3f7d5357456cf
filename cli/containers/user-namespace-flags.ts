/** User namespaces by podman's flags: --userns host|auto, --uidmap and --gidmap. Spec: user_namespaces(7), uid_map. */
import { readFileSync } from "node:fs";
import type { ContainerOptions } from "../../runtime/engine.ts";
import { UsageError } from "../errors.ts";

type UserNamespace = NonNullable<ContainerOptions["userNamespace"]>;
type Map = readonly [container: number, host: number, size: number];

/** What `auto` takes where /etc/subuid names no range for root. */
const DEFAULT_RANGE = { first: 231_072, size: 65_536 };

export function userNamespace(flags: {
  readonly userns?: string;
  readonly uidmap: readonly string[];
  readonly gidmap: readonly string[];
}): UserNamespace | undefined {
  const uidMap = flags.uidmap.map(parseMap);
  const gidMap = flags.gidmap.map(parseMap);
  if (uidMap.length + gidMap.length > 0) {
    if (flags.userns === "host") throw new UsageError("--userns host and --uidmap exclude each other");
    return { uidMap: mutable(uidMap.length > 0 ? uidMap : gidMap), gidMap: mutable(gidMap.length > 0 ? gidMap : uidMap) };
  }
  if (flags.userns === undefined || flags.userns === "") return undefined;
  if (flags.userns === "host") return "host";
  if (flags.userns !== "auto") throw new UsageError(`invalid user namespace mode ${JSON.stringify(flags.userns)}: host or auto`);
  return { uidMap: [ownRange("/etc/subuid")], gidMap: [ownRange("/etc/subgid")] };
}

function parseMap(text: string): Map {
  const parts = /^(\d+):(\d+):([1-9]\d*)$/.exec(text);
  if (parts === null) throw new UsageError(`invalid mapping ${JSON.stringify(text)}: CONTAINER:HOST:SIZE is asked for, as in 0:100000:65536`);
  return [Number(parts[1]), Number(parts[2]), Number(parts[3])];
}

/** The range that the machine's owner gave to root's containers, if any. */
function ownRange(path: string): [number, number, number] {
  const line = readIfThere(path)
    .split("\n")
    .map((row) => row.split(":"))
    .find(([name]) => name === "root" || name === "0");
  return [0, Number(line?.[1] ?? DEFAULT_RANGE.first), Number(line?.[2] ?? DEFAULT_RANGE.size)];
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function mutable(maps: readonly Map[]): [number, number, number][] {
  return maps.map((map) => [...map]);
}
