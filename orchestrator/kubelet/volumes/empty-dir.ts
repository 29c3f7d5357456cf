/** An empty folder as a volume: on the disk, or, for the medium Memory, a tmpfs of its own. Spec: Kubernetes documentation, "emptyDir". */
import { execFile } from "node:child_process";
import { chmod, chown, mkdir, readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { KubeObject } from "../../cluster.ts";
import { wholeOf } from "../../schema/quantity.ts";
import { specOf, type VolumeSpec } from "../pod-spec.ts";

const run = promisify(execFile);

/** Idempotent; a tmpfs that a reboot took is mounted again. */
export async function prepareEmptyDir(path: string, { medium = "", sizeLimit }: NonNullable<VolumeSpec["emptyDir"]>, pod: KubeObject): Promise<void> {
  await mkdir(path, { recursive: true });
  if (medium === "Memory" && !(await isMounted(path))) await mountMemory(path, sizeOf(pod, sizeLimit));
  const group = specOf(pod).securityContext?.fsGroup;
  if (group !== undefined) await chown(path, 0, group);
  await chmod(path, group === undefined ? 0o777 : 0o2777); // mkdir's mode is cut by the umask
}

async function isMounted(path: string): Promise<boolean> {
  return (await stat(path)).dev !== (await stat(dirname(path))).dev;
}

/** What its containers may use of memory bounds it too. */
function sizeOf(pod: KubeObject, sizeLimit: string | number | undefined): number | undefined {
  const limits = specOf(pod).containers.map(({ resources }) => wholeOf(resources?.limits?.["memory"] ?? 0));
  const bounds = [wholeOf(sizeLimit ?? 0), limits.includes(0) ? 0 : limits.reduce((sum, limit) => sum + limit, 0)].filter((bound) => bound > 0);
  return bounds.length === 0 ? undefined : Math.min(...bounds);
}

async function mountMemory(path: string, size: number | undefined): Promise<void> {
  const options = `mode=0777,nosuid,nodev${size === undefined ? "" : `,size=${size}`}`;
  await run("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path]);
}

/** Takes down what is mounted below `folder`. Idempotent. */
export async function unmountBelow(folder: string): Promise<void> {
  const mounts = (await readFile("/proc/self/mounts", "utf8")).split("\n").map((line) => unescape(line.split(" ")[1] ?? ""));
  for (const path of mounts.filter((mount) => mount.startsWith(`${folder}/`)).toReversed()) await run("umount", ["--lazy", path]);
}

/** The kernel writes a space as \\040. */
function unescape(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCodePoint(Number.parseInt(octal, 8)));
}
