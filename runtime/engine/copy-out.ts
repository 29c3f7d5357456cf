/** A path of a container as a tar: read from the merged layers and the mounts, links resolved inside, never through a mount of this machine. */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { basename, join, posix } from "node:path";
import { canonicalTar, type FileReader } from "../../store/layer/canonical.ts";
import { normalEntries } from "../../store/layer/normal.ts";
import { openView } from "../../store/snapshot/view.ts";
import type { LayerEntry, MergedView, ViewEntry } from "../../store/store.ts";
import type { ContainerRecord } from "../engine.ts";
import { RuntimeError } from "../errors.ts";
import { containerView, filesOf } from "./container-view.ts";
import { mountOf } from "./mount-points.ts";
import type { Parts } from "./parts.ts";

interface Located {
  readonly view: MergedView;
  /** The path as `view` knows it. */
  readonly inside: string;
  readonly entry: ViewEntry | undefined;
}

async function locate(parts: Parts, record: ContainerRecord, clean: string): Promise<Located> {
  const mount = mountOf(
    record.mounts.filter((point) => point.kind !== "tmpfs"),
    clean,
  );
  if (mount === undefined) {
    const view = await containerView(parts, await filesOf(parts, record));
    return { view, inside: clean, entry: await view.lookup(clean) };
  }
  const view = openView([{ path: mount.point.source, record: {} }]);
  const isFile = statSync(mount.point.source).isFile();
  return { view, inside: mount.rest, entry: isFile ? fileEntry(mount.point.source) : await view.lookup(mount.rest) };
}

export async function statIn(parts: Parts, reference: string, path: string): Promise<{ readonly type: "directory" | "file" | "other" } | undefined> {
  const { entry } = await locate(parts, parts.records.find(reference), posix.resolve("/", path));
  if (entry === undefined) return undefined;
  return { type: entry.type === "directory" || entry.type === "file" ? entry.type : "other" };
}

/** Names begin with the path's last component, as in docker cp. @throws {RuntimeError} `PATH_UNKNOWN` on the first step */
export async function* copyOut(parts: Parts, reference: string, path: string): AsyncIterable<Uint8Array> {
  const record = parts.records.find(reference);
  const clean = posix.resolve("/", path);
  const { view, inside, entry: found } = await locate(parts, record, clean);
  if (found === undefined) throw new RuntimeError("PATH_UNKNOWN", `Cannot copy ${record.name}:${path}: there is no such file or folder`);
  const files = new Map<string, string>();
  const entries = await walk(view, found, inside, basename(clean) === "" ? "." : basename(clean), files);
  for (const bytes of canonicalTar(normalEntries(entries), readerOf(files))) yield Buffer.from(bytes);
}

/** A single file bound from this machine. */
function fileEntry(path: string): ViewEntry {
  const stat = statSync(path);
  return {
    path: basename(path),
    type: "file",
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    mtime: Math.floor(stat.mtimeMs / 1000),
    size: stat.size,
    file: path,
  };
}

async function walk(view: MergedView, entry: ViewEntry, inside: string, name: string, files: Map<string, string>): Promise<readonly LayerEntry[]> {
  const { file, ...plain } = entry;
  if (entry.type === "file") files.set(name, file);
  const self = name === "." ? [] : [{ ...plain, path: name }];
  if (entry.type !== "directory") return self;
  const children = await view.list(inside);
  const below = await Promise.all(
    children.map(async (child) => {
      const path = join(inside, child);
      const found = await view.lookup(path, { follow: false });
      return found === undefined ? [] : await walk(view, found, path, name === "." ? child : `${name}/${child}`, files);
    }),
  );
  return [...self, ...below.flat()];
}

function readerOf(files: ReadonlyMap<string, string>): FileReader {
  let fd = -1;
  return {
    open(entry): number {
      fd = openSync(files.get(entry.path) ?? "", "r");
      return entry.size ?? 0;
    },
    read: (buffer, at, length) => readSync(fd, buffer, at, length, null),
    close: () => closeSync(fd),
  };
}
