/** --device HOST[:CONTAINER[:rwm]]: the host's node, made again inside. */
import { lstat, readdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { RuntimeError } from "../errors.ts";
import type { DeviceSpec } from "../spec.ts";

export interface HostDevice {
  readonly spec: DeviceSpec;
  /** Some of `rwm`. */
  readonly access: string;
}

/** A folder stands for the devices in it. @throws {RuntimeError} `PATH_UNKNOWN` */
export async function hostDevices(flags: readonly string[]): Promise<readonly HostDevice[]> {
  return (await Promise.all(flags.map(async (flag) => await readDevice(flag)))).flat();
}

async function readDevice(flag: string): Promise<readonly HostDevice[]> {
  const [source = "", second, third] = flag.split(":");
  const isAccess = third === undefined && second !== undefined && /^[rwm]+$/.test(second);
  const target = second === undefined || isAccess ? source : second;
  const access = isAccess ? second : (third ?? "rwm");
  const path = await realpath(source).catch((cause: unknown) => {
    throw new RuntimeError("PATH_UNKNOWN", `Cannot add device ${JSON.stringify(source)}: there is no such file`, { cause });
  });
  if (!(await lstat(path)).isDirectory()) return [await node(path, target, access)];
  const names = await readdir(path);
  return await Promise.all(names.map(async (name) => await node(join(path, name), join(target, name), access)));
}

async function node(path: string, target: string, access: string): Promise<HostDevice> {
  const stat = await lstat(path);
  if (!stat.isCharacterDevice() && !stat.isBlockDevice()) throw new RuntimeError("PATH_UNKNOWN", `Cannot add device ${JSON.stringify(path)}: it is no device`);
  const { major, minor } = deviceNumbers(stat.rdev);
  return { access, spec: { type: stat.isBlockDevice() ? "b" : "c", path: target, major, minor, fileMode: stat.mode & 0o777, uid: stat.uid, gid: stat.gid } };
}

/** glibc's gnu_dev_major and gnu_dev_minor, for what fits 32 bits. */
export function deviceNumbers(rdev: number): { readonly major: number; readonly minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
}
