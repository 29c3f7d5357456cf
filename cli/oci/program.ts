/** The program of `exec` from flags: the container's own, changed where the flags say so. */
import { RuntimeError } from "../../runtime/errors.ts";
import type { Capabilities, ProcessSpec } from "../../runtime/spec.ts";
import { UsageError } from "../errors.ts";
import { readBundle } from "./bundle.ts";

export interface ProgramFlags {
  readonly tty?: boolean;
  readonly cwd?: string;
  readonly user?: string;
  readonly additionalGids: readonly string[];
  readonly env: readonly string[];
  readonly cap: readonly string[];
  /** commander's way with `--no-…`: false when it is given. */
  readonly newPrivs: boolean;
  readonly apparmor?: string;
  readonly processLabel?: string;
}

/** @throws {RuntimeError} `SPEC_INVALID` */
export function programOf(bundle: string, args: readonly string[], flags: ProgramFlags): ProcessSpec {
  const { process: own } = readBundle(bundle);
  if (own === undefined || args.length === 0) throw new RuntimeError("SPEC_INVALID", "Cannot run a program: none is named");
  return {
    ...own,
    args,
    terminal: flags.tty ?? false,
    cwd: flags.cwd ?? own.cwd,
    env: [...(own.env ?? []), ...flags.env],
    user: userOf(own.user, flags),
    ...(flags.cap.length > 0 && { capabilities: withMore(own.capabilities, flags.cap.map(capabilityName)) }),
    ...(!flags.newPrivs && { noNewPrivileges: true }),
    ...(flags.apparmor !== undefined && { apparmorProfile: flags.apparmor }),
    ...(flags.processLabel !== undefined && { selinuxLabel: flags.processLabel }),
  };
}

function userOf(own: ProcessSpec["user"], { user, additionalGids }: ProgramFlags): ProcessSpec["user"] {
  const [uid, gid = "0"] = user?.split(":") ?? [];
  const more = additionalGids.flatMap((word) => word.split(",")).map(id);
  return {
    ...own,
    ...(uid !== undefined && { uid: id(uid), gid: id(gid) }),
    ...(more.length > 0 && { additionalGids: [...(own.additionalGids ?? []), ...more] }),
  };
}

function id(word: string): number {
  if (!/^\d+$/.test(word)) throw new UsageError(`Cannot use ${JSON.stringify(word)} as a user or group: that is no number`);
  return Number(word);
}

function capabilityName(word: string): string {
  const name = word.toUpperCase();
  return name.startsWith("CAP_") ? name : `CAP_${name}`;
}

function withMore(own: Capabilities = {}, names: readonly string[]): Capabilities {
  const add = (list: readonly string[] = []): readonly string[] => [...new Set([...list, ...names])];
  return { ...own, bounding: add(own.bounding), effective: add(own.effective), permitted: add(own.permitted) };
}
