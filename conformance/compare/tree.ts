/** Where two file systems differ. */
import type { Entry, Tree } from "../image/entry.ts";

/** `path: what one has, what the other has`, by path. */
export function treeDifferences(one: Tree, other: Tree): readonly string[] {
  const [twinsOfOne, twinsOfOther] = [twins(one), twins(other)];
  const found: string[] = [];
  for (const path of [...new Set([...one.keys(), ...other.keys()])].toSorted()) {
    const [first, second] = [one.get(path), other.get(path)];
    if (first === second && first !== undefined && twinsOfOne.get(path) === twinsOfOther.get(path)) continue; // of a layer that both have
    found.push(...entryDifferences(first, second, [twinsOfOne.get(path), twinsOfOther.get(path)]).map((what) => `/${path}: ${what}`));
  }
  return found;
}

function entryDifferences(one: Entry | undefined, other: Entry | undefined, linked: readonly (string | undefined)[]): readonly string[] {
  if (one === undefined) return ["missing ≠ " + other?.type];
  if (other === undefined) return [one.type + " ≠ missing"];
  const fields: readonly (readonly [string, string, string])[] = [
    ["type", one.type, other.type],
    ["mode", one.mode.toString(8), other.mode.toString(8)],
    ["owner", `${one.uid}:${one.gid}`, `${other.uid}:${other.gid}`],
    ["size", String(one.size), String(other.size)],
    [one.type === "symlink" ? "target" : "content", one.content, other.content],
    ["xattrs", one.xattrs.join(" "), other.xattrs.join(" ")],
    ["hard link of", linked[0] ?? "nothing", linked[1] ?? "nothing"],
  ];
  return fields.filter(([, first, second]) => first !== second).map(([name, first, second]) => `${name} ${first} ≠ ${second}`);
}

/** The first path of each file that has several. */
function twins(tree: Tree): ReadonlyMap<string, string> {
  const firsts = new Map<Entry, string>();
  const found = new Map<string, string>();
  for (const path of [...tree.keys()].toSorted()) {
    const entry = tree.get(path);
    if (entry?.type !== "file") continue;
    const first = firsts.get(entry);
    if (first === undefined) firsts.set(entry, path);
    else found.set(path, first);
  }
  return found;
}
