/** --device HOST[:CONTAINER[:rwm]]: the host's node, made again inside. */
import { lstat, readdir, realpath } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { RuntimeError } from "../errors.ts";
import type { DeviceSpec } from "../spec.ts";

export interface HostDevice {
  readonly spec: DeviceSpec;
  /** Some of `rwm`. */
  readonly access: string;
}

const ACCESS = /^[rwm]+$/;

/** A folder stands for the devices in it. @throws {RuntimeError} `PATH_UNKNOWN` */
export async function hostDevices(flags: readonly string[]): Promise<readonly HostDevice[]> {
  return (await Promise.all(flags.map(async (flag) => await readDevice(flag)))).flat();
}

async function readDevice(flag: string): Promise<readonly HostDevice[]> {
  const { source, target, access } = parseDevice(flag);
  const path = await realpath(source).catch((cause: unknown) => {
    throw unusable(source, "no such file or directory", cause);
  });
  const found = await devicesAt(path, target, access);
  if (found.length === 0) throw unusable(path, "not a device node");
  return found;
}

/** Pure. @throws {RuntimeError} `SPEC_INVALID`, in docker's words */
export function parseDevice(flag: string): { readonly source: string; readonly target: string; readonly access: string } {
  const [source = "", second, third, ...more] = flag.split(":");
  if (source === "" || more.length > 0) throw new RuntimeError("SPEC_INVALID", `bad format for path: ${flag}`);
  if (third !== undefined && !ACCESS.test(third)) throw new RuntimeError("SPEC_INVALID", `bad mode specified: ${third}`);
  const isAccess = third === undefined && second !== undefined && ACCESS.test(second);
  const target = second === undefined || isAccess ? source : second;
  if (!isAbsolute(target)) throw new RuntimeError("SPEC_INVALID", `${target} is not an absolute path`);
  return { source, target, access: isAccess ? second : (third ?? "rwm") };
}

function unusable(path: string, state: string, cause?: unknown): RuntimeError {
  return new RuntimeError("PATH_UNKNOWN", `error gathering device information while adding custom device ${JSON.stringify(path)}: ${state}`, { cause });
}

/** What is neither is passed over, a link too: folders of devices have others by their side. */
async function devicesAt(path: string, target: string, access: string): Promise<readonly HostDevice[]> {
  const stat = await lstat(path);
  if (stat.isDirectory()) {
    const names = await readdir(path);
    return (await Promise.all(names.map(async (name) => await devicesAt(join(path, name), join(target, name), access)))).flat();
  }
  if (!stat.isCharacterDevice() && !stat.isBlockDevice()) return [];
  const { major, minor } = deviceNumbers(stat.rdev);
  const type = stat.isBlockDevice() ? "b" : "c";
  return [{ access, spec: { type, path: target, major, minor, fileMode: stat.mode & 0o777, uid: stat.uid, gid: stat.gid } }];
}

/** glibc's gnu_dev_major and gnu_dev_minor, for what fits 32 bits. */
export function deviceNumbers(rdev: number): { readonly major: number; readonly minor: number } {
  return { major: (rdev >>> 8) & 0xfff, minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00) };
}
