/** A file of this machine as the maker of base images sees it: an ELF file, a script, or data. */
import { closeSync, openSync, readSync } from "node:fs";
import { BuilderError } from "../errors.ts";
import { parseElf, type Elf } from "./elf.ts";

export type HostFile =
  | { readonly kind: "elf"; readonly elf: Elf }
  | { readonly kind: "script"; readonly interpreter: readonly string[] }
  | { readonly kind: "data" };

/** Longest `#!` line that the kernel reads. */
const MAX_SHEBANG_BYTES = 256;

/** @throws {BuilderError} `ELF_INVALID` */
export function readHostFile(path: string): HostFile {
  const fd = openSync(path, "r");
  try {
    const read = (offset: number, length: number): Uint8Array => {
      const bytes = Buffer.alloc(length);
      return bytes.subarray(0, readSync(fd, bytes, 0, length, offset));
    };
    const elf = parseElf(read);
    if (elf !== undefined) return { kind: "elf", elf };
    const interpreter = parseShebang(read(0, MAX_SHEBANG_BYTES));
    return interpreter === undefined ? { kind: "data" } : { kind: "script", interpreter };
  } catch (error) {
    if (error instanceof BuilderError) throw new BuilderError(error.code, `${error.message} (${path})`, { cause: error });
    throw error;
  } finally {
    closeSync(fd);
  }
}

/**
 * What a script needs: the interpreter's path and, behind `env`, the program's name. Undefined when it is no script.
 * Spec: execve(2), "Interpreter scripts".
 */
export function parseShebang(start: Uint8Array): readonly string[] | undefined {
  if (start[0] !== 0x23 || start[1] !== 0x21) return undefined;
  const line = Buffer.from(start).toString("latin1").slice(2).split("\n", 1)[0] ?? "";
  const [interpreter, ...args] = line.trim().split(/[ \t]+/);
  if (interpreter === undefined || !interpreter.startsWith("/")) return undefined;
  if (!interpreter.endsWith("/env")) return [interpreter];
  const program = args.find((arg) => !arg.startsWith("-") && !arg.includes("="));
  return program === undefined ? [interpreter] : [interpreter, program];
}
