/** The modules that a Go program was built of, as the linker writes them into it. Spec: Go's debug/buildinfo, the inline form of Go 1.18 and later. */
import type { FoundPackage } from "./package.ts";
import { readVersion, type TreeFile } from "./software-tree.ts";

const MAGIC = Buffer.from("\xff Go buildinf:", "latin1");
const ALIGNMENT = 16;
const HEADER_BYTES = 32;
/** The flags byte: strings follow inline. */
const INLINE = 2;
const FLAGS_AT = 15;
/** The mark stands at the beginning of the data, which is rarely beyond this. */
const MAX_PROGRAM_BYTES = 256 << 20;
/** Before and after the module text. */
const SENTINEL_BYTES = 16;

export function goModules(file: TreeFile): readonly FoundPackage[] {
  const start = readVersion(file.versions[0], 4, "beginning");
  if (start?.toString("latin1") !== "\x7fELF") return [];
  const program = readVersion(file.versions[0], MAX_PROGRAM_BYTES);
  const info = program === undefined ? undefined : buildInfo(program);
  return info === undefined ? [] : [{ type: "golang", name: "stdlib", version: info.go.replace(/^go/, "") }, ...info.modules];
}

interface BuildInfo {
  /** `go1.22.1` */
  readonly go: string;
  readonly modules: readonly FoundPackage[];
}

export function buildInfo(program: Buffer): BuildInfo | undefined {
  let at = program.indexOf(MAGIC);
  while (at >= 0 && at % ALIGNMENT !== 0) at = program.indexOf(MAGIC, at + 1);
  if (at < 0 || ((program[at + FLAGS_AT] ?? 0) & INLINE) === 0) return undefined;
  const go = readText(program, at + HEADER_BYTES);
  const text = go === undefined ? undefined : readText(program, go.end);
  if (go === undefined || text === undefined) return undefined;
  const lines = text.value
    .subarray(SENTINEL_BYTES, Math.max(SENTINEL_BYTES, text.value.length - SENTINEL_BYTES))
    .toString("utf8")
    .split("\n");
  return { go: go.value.toString("utf8").split(" ", 1)[0] ?? "", modules: modulesOf(lines) };
}

/** `=>` replaces the module of the line before. */
function modulesOf(lines: readonly string[]): readonly FoundPackage[] {
  const modules: FoundPackage[] = [];
  for (const line of lines) {
    const [kind = "", path = "", version = ""] = line.split("\t");
    if (!["mod", "dep", "=>"].includes(kind) || path === "") continue;
    if (kind === "=>") modules.pop();
    const slash = path.lastIndexOf("/");
    const isDevelopment = version === "(devel)";
    modules.push({
      type: "golang",
      ...(slash < 0 ? {} : { namespace: path.slice(0, slash) }),
      name: path.slice(slash + 1),
      version: isDevelopment ? "" : version,
    });
  }
  return modules;
}

/** A length as a varint, then so many bytes. */
function readText(bytes: Buffer, start: number): { readonly value: Buffer; readonly end: number } | undefined {
  let [length, shift, at] = [0, 0, start];
  for (;;) {
    const byte = bytes[at++];
    if (byte === undefined || shift > 28) return undefined;
    length += (byte & 0x7f) * 2 ** shift;
    shift += 7;
    if (byte < 0x80) break;
  }
  return at + length > bytes.length ? undefined : { value: bytes.subarray(at, at + length), end: at + length };
}
