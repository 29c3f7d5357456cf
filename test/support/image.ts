/** A small image of this machine's own programs, written straight into a store: shell, a few tools and their libraries. */
import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { ExecutionConfig } from "../../store/oci.ts";
import type { Image, LayerEntry, Store } from "../../store/store.ts";

const PROGRAMS = [
  "sh",
  "ls",
  "cat",
  "sleep",
  "ps",
  "id",
  "mount",
  "echo",
  "env",
  "head",
  "mkdir",
  "rm",
  "stat",
  "hostname",
  "touch",
  "chmod",
  "kill",
  "true",
  "false",
  "dd",
  "wc",
  "tail",
  "tty",
  "stty",
  "ln",
  "cut",
  "sort",
  "seq",
  "readlink",
];

export interface TestImageOptions {
  readonly name?: string;
  readonly config?: ExecutionConfig;
  readonly programs?: readonly string[];
  readonly files?: readonly LayerEntry[];
}

/** `strata-test/tools:latest` unless told; the node program is in it when `programs` names it. */
export async function testImage(store: Store, options: TestImageOptions = {}): Promise<Image> {
  const entries = new Map<string, LayerEntry>();
  for (const entry of [...skeleton(), ...[...PROGRAMS, ...(options.programs ?? [])].flatMap(programEntries), ...(options.files ?? [])])
    entries.set(entry.path, entry);
  const all = [...entries.values()];
  const layer = await store.snapshots.write(undefined, [...all, ...missingFolders(all)]);
  const target = await store.images.assemble([layer], {
    os: "linux",
    architecture: process.arch === "arm64" ? "arm64" : "amd64",
    created: "2024-01-01T00:00:00Z",
    config: { Env: ["PATH=/bin"], Cmd: ["/bin/sh"], ...options.config },
    rootfs: { type: "layers", diff_ids: [layer.diffID] },
    history: [{ created: "2024-01-01T00:00:00Z", created_by: "test image" }],
  });
  const record = await store.images.tag(options.name ?? "strata-test/tools:latest", target);
  return await store.images.open(record.name ?? "");
}

const BASIS = { uid: 0, gid: 0, mtime: 1_700_000_000 };

export function textFile(path: string, text: string, mode = 0o644): LayerEntry {
  return { ...BASIS, path, type: "file", mode, size: Buffer.byteLength(text), source: { bytes: Buffer.from(text) } };
}

export function folder(path: string, mode = 0o755, owner: { readonly uid: number; readonly gid: number } = BASIS): LayerEntry {
  return { ...BASIS, uid: owner.uid, gid: owner.gid, path, type: "directory", mode };
}

function skeleton(): readonly LayerEntry[] {
  return [
    folder("tmp", 0o1777),
    folder("root", 0o700),
    textFile("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000:Alice:/home/alice:/bin/sh\n"),
    textFile("etc/group", "root:x:0:\nalice:x:1000:\nstaff:x:50:alice\n"),
    textFile("etc/hosts", "192.0.2.1 of-the-image\n"),
  ];
}

/** The program under bin/, and what ldd names, each under its own path with its links resolved. */
function programEntries(name: string): readonly LayerEntry[] {
  const path = findProgram(name);
  const libraries = execFileSync("sh", ["-c", 'ldd "$1" 2>/dev/null || true', "sh", path], { encoding: "utf8" });
  const files = [...libraries.matchAll(/(\/[^\s()]+)/g)].map(([, file]) => file ?? "").filter((file) => existsSync(file));
  return [fileEntry(`bin/${name}`, realpathSync(path), 0o755), ...files.map((file) => fileEntry(file.slice(1), realpathSync(file), 0o755))];
}

function findProgram(name: string): string {
  const found = (process.env["PATH"] ?? "")
    .split(":")
    .concat("/usr/bin", "/bin", "/usr/sbin")
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
  if (found === undefined) throw new Error(`Cannot make the test image: ${name} is not on this machine`);
  return name === "node" ? process.execPath : followLinks(found);
}

function followLinks(path: string): string {
  return lstatSync(path).isSymbolicLink() ? followLinks(resolve(dirname(path), readlinkSync(path))) : path;
}

function fileEntry(path: string, source: string, mode: number): LayerEntry {
  return { ...BASIS, path, type: "file", mode, size: statSync(source).size, source: { copy: source } };
}

function missingFolders(entries: readonly LayerEntry[]): readonly LayerEntry[] {
  const known = new Set(entries.map((entry) => entry.path));
  const wanted = new Set<string>();
  for (const { path } of entries) for (let at = dirname(path); at !== "."; at = dirname(at)) wanted.add(at);
  return [...wanted].filter((path) => !known.has(path)).map((path) => folder(path));
}
