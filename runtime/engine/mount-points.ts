/** What is mounted in a container besides the fixed mounts: flags, then the image's own volumes. */
import { statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join, posix } from "node:path";
import { makeFolders } from "../../store/make-folders.ts";
import type { MergedView } from "../../store/store.ts";
import type { MountPoint, MountRequest } from "../engine.ts";
import { RuntimeError } from "../errors.ts";
import { populate } from "../volume/populate.ts";
import { createVolume, type VolumeParts } from "../volume/volumes.ts";
import type { MountPointRequest } from "./init-layer.ts";

/** Flags win over the image; a later flag wins over an earlier one. Shallow targets first, so that deep ones are not hidden. */
export function planMounts(flags: readonly MountRequest[], imageVolumes: readonly string[]): readonly MountRequest[] {
  const byTarget = new Map<string, MountRequest>();
  for (const target of imageVolumes) byTarget.set(clean(target), { kind: "volume", target: clean(target) });
  for (const request of flags) byTarget.set(clean(request.target), { ...request, target: clean(request.target) });
  return [...byTarget.values()].toSorted((one, other) => depth(one.target) - depth(other.target));
}

/** @throws {RuntimeError} `SPEC_INVALID` */
function clean(target: string): string {
  const path = posix.normalize(target).replace(/(?<=.)\/+$/, "");
  if (!path.startsWith("/") || path === "/")
    throw new RuntimeError("SPEC_INVALID", `Cannot mount on ${JSON.stringify(target)}: an absolute path other than / is needed`);
  return path;
}

function depth(path: string): number {
  return path.split("/").length;
}

/** Makes the volumes, fills the new ones from the image, checks the binds. @throws {RuntimeError} `PATH_UNKNOWN` */
export async function prepareMounts(requests: readonly MountRequest[], view: MergedView, volumes: VolumeParts, owner: string): Promise<readonly MountPoint[]> {
  for (const request of requests) if (request.kind === "bind") await checkBind(request);
  const points: MountPoint[] = [];
  for (const request of requests) points.push(await prepareMount(request, view, volumes, owner));
  return points;
}

async function prepareMount(request: MountRequest, view: MergedView, volumes: VolumeParts, owner: string): Promise<MountPoint> {
  const { target } = request;
  switch (request.kind) {
    case "tmpfs":
      return { kind: "tmpfs", source: "tmpfs", target, readOnly: false, options: tmpfsOptions(request) };
    case "bind":
      return {
        kind: "bind",
        source: request.source,
        ...(request.subPath !== undefined && { subPath: request.subPath }),
        target,
        readOnly: request.readOnly ?? false,
        options: [request.propagation ?? "rprivate", ...(request.idmap === true ? ["idmap"] : [])],
      };
    case "volume": {
      const volume = await createVolume(volumes, { owner, ...(request.name !== undefined && { name: request.name }) });
      if (request.noCopy !== true) await populate(view, target, volume.mountpoint);
      return { kind: "volume", name: volume.name, source: volume.mountpoint, target, readOnly: request.readOnly ?? false };
    }
  }
}

function tmpfsOptions(request: Extract<MountRequest, { kind: "tmpfs" }>): readonly string[] {
  return [`mode=${(request.mode ?? 0o1777).toString(8)}`, ...(request.size === undefined ? [] : [`size=${request.size}`])];
}

async function checkBind(request: Extract<MountRequest, { kind: "bind" }>): Promise<void> {
  if (
    await stat(request.source).then(
      () => true,
      () => false,
    )
  )
    return;
  if (request.create === true) makeFolders(request.source);
  else throw new RuntimeError("PATH_UNKNOWN", `Cannot bind ${JSON.stringify(request.source)}: there is no such file or folder`);
}

/** Where the init layer needs something to mount on. */
export function mountTargets(points: readonly MountPoint[]): readonly MountPointRequest[] {
  return points.map((point) => ({ path: point.target, type: point.kind === "bind" && isFile(point) ? "file" : "directory" }));
}

/** What is missing below a source is made as a folder. A guess, where programs write: the helper looks again. */
function isFile({ source, subPath = "" }: MountPoint): boolean {
  return statSync(join(source, subPath), { throwIfNoEntry: false })?.isFile() === true;
}

/** Where a path of the container lies on this machine, when a mount holds it. */
export function mountOf(points: readonly MountPoint[], path: string): { readonly point: MountPoint; readonly rest: string } | undefined {
  const point = points.findLast((candidate) => path === candidate.target || path.startsWith(`${candidate.target}/`));
  return point && { point, rest: join("/", point.subPath ?? "", path.slice(point.target.length)) };
}
