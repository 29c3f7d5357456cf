/** Random trees for round trips: every kind of entry, awkward names, modes, owners, times and xattrs. */
import * as fc from "fast-check";
import type { LayerEntry } from "../../store/store.ts";

const NAMES = ["a", "b", "a-b", "a.b", "A", "é", "漢字", "𝄞", "with space", "x".repeat(120), ".hidden", "-dash", "wh.x", "new\nline", "b0"];
const name = fc.constantFrom(...NAMES);
const time = fc.oneof(fc.integer({ min: 0, max: 2_000_000_000 }), fc.constantFrom(0, 1, 0o77777777777 + 5));
const owner = fc.constantFrom(0, 1, 1000, 65_534, 3_000_000);
const mode = fc.integer({ min: 0, max: 0o7777 });
const content = fc.uint8Array({ minLength: 0, maxLength: 2000 });
const xattrs = fc.option(
  fc.dictionary(fc.constantFrom("user.one", "user.two.three"), fc.uint8Array({ minLength: 1, maxLength: 40 }), { minKeys: 1, maxKeys: 2 }),
  { nil: undefined, freq: 6 },
);

type Kind = "file" | "symlink" | "fifo" | "character" | "whiteout" | "directory";
const kind = fc.constantFrom<Kind>("file", "file", "file", "symlink", "fifo", "character", "whiteout", "directory", "directory");

const node = fc.record({
  path: fc.array(name, { minLength: 1, maxLength: 4 }),
  kind,
  mode,
  uid: owner,
  gid: owner,
  mtime: time,
  content,
  xattrs,
  isOpaque: fc.boolean(),
  linksTo: fc.option(fc.nat(), { nil: undefined, freq: 4 }),
});

/** Entries of one layer, every parent among them. */
export const tree: fc.Arbitrary<readonly LayerEntry[]> = fc.array(node, { minLength: 1, maxLength: 25 }).map((nodes) => {
  const entries = new Map<string, LayerEntry>();
  for (const { path, kind: wanted, content: bytes, xattrs: attributes, isOpaque, linksTo, ...meta } of nodes) {
    const full = path.join("/");
    if (!isFree(entries, path)) continue;
    for (let depth = 1; depth < path.length; depth++) {
      const parent = path.slice(0, depth).join("/");
      if (!entries.has(parent)) entries.set(parent, { ...meta, mode: 0o755, path: parent, type: "directory" });
    }
    const files = [...entries.values()].filter(({ type }) => type === "file");
    const target = linksTo === undefined ? undefined : files[linksTo % Math.max(1, files.length)];
    if (target === undefined) entries.set(full, entryOf(full, wanted, meta, bytes, attributes));
    else entries.set(full, { path: full, type: "hardlink", target: target.path, mode: target.mode, uid: target.uid, gid: target.gid, mtime: target.mtime });
    if (entries.get(full)?.type === "directory" && isOpaque) entries.set(`${full}//opaque`, { path: full, type: "opaque", mode: 0, uid: 0, gid: 0, mtime: 0 });
  }
  return [...entries.values()];
});

/** Nobody has the name, and every parent is or can be a folder. */
function isFree(entries: ReadonlyMap<string, LayerEntry>, path: readonly string[]): boolean {
  if (entries.has(path.join("/"))) return false;
  return path.every((_, depth) => depth === 0 || (entries.get(path.slice(0, depth).join("/"))?.type ?? "directory") === "directory");
}

function entryOf(
  path: string,
  type: Kind,
  meta: Pick<LayerEntry, "mode" | "uid" | "gid" | "mtime">,
  bytes: Uint8Array,
  xattrs: LayerEntry["xattrs"],
): LayerEntry {
  switch (type) {
    case "whiteout":
      return { path, type, mode: 0, uid: 0, gid: 0, mtime: 0 };
    case "symlink":
      return { ...meta, mode: 0o777, path, type, target: `../${"t".repeat(bytes.length % 130)}/é` };
    case "character":
      return { ...meta, path, type, major: 1, minor: 3 + (bytes.length % 5) };
    case "file":
      return { ...meta, path, type, size: bytes.length, source: { bytes }, ...(xattrs === undefined ? {} : { xattrs }) };
    case "directory":
      return { ...meta, path, type, ...(xattrs === undefined ? {} : { xattrs }) };
    case "fifo":
      return { ...meta, path, type };
  }
}
