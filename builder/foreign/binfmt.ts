/** What the kernel is told to do with the programs of other machines. Spec: Linux, admin-guide/binfmt-misc.rst. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const BINFMT_FOLDER = "/proc/sys/fs/binfmt_misc";

export interface Handler {
  readonly name: string;
  readonly enabled: boolean;
  readonly interpreter: string;
  readonly flags: string;
  readonly offset: number;
  readonly magic: Buffer;
  readonly mask: Buffer;
}

/** Empty where the folder is not mounted: that says nothing, for a container is served by its host's handlers. */
export function readHandlers(folder = BINFMT_FOLDER): readonly Handler[] {
  try {
    const names = readdirSync(folder).filter((name) => name !== "register" && name !== "status");
    return names.flatMap((name) => parseHandler(name, readFileSync(join(folder, name), "utf8")) ?? []);
  } catch {
    return [];
  }
}

/** Undefined for handlers of file extensions. */
export function parseHandler(name: string, text: string): Handler | undefined {
  const field = (key: string): string | undefined => new RegExp(`^${key}:? (.*)$`, "m").exec(text)?.[1]?.trim();
  const magic = field("magic");
  if (magic === undefined) return undefined;
  const bytes = Buffer.from(magic, "hex");
  const mask = field("mask");
  return {
    name,
    enabled: text.startsWith("enabled"),
    interpreter: field("interpreter") ?? "",
    flags: field("flags") ?? "",
    offset: Number(field("offset") ?? 0),
    magic: bytes,
    mask: mask === undefined ? Buffer.alloc(bytes.length, 0xff) : Buffer.from(mask, "hex"),
  };
}

export function handles({ offset, magic, mask }: Handler, program: Uint8Array): boolean {
  return magic.every((byte, index) => ((program[offset + index] ?? 0) & (mask[index] ?? 0xff)) === (byte & (mask[index] ?? 0xff)));
}

/** Why nothing takes the program, and what to do about it. */
export function missingHandler(handlers: readonly Handler[], program: Uint8Array): string {
  const [handler] = handlers.filter((candidate) => handles(candidate, program)).sort((a, b) => Number(b.enabled) - Number(a.enabled));
  if (handler === undefined) return "Install the package qemu-user-static, which runs them and registers itself with the kernel (binfmt_misc)";
  if (!handler.enabled) return `Its handler ${handler.name} is switched off: echo 1 > ${BINFMT_FOLDER}/${handler.name}`;
  if (handler.flags.includes("F")) return `Its handler ${handler.name} (${handler.interpreter}) does not run it`;
  return `Its handler ${handler.name} is registered without the flag F, so that ${handler.interpreter} is looked for in the image: install the package qemu-user-static`;
}
