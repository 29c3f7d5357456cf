/**
 * Cache keys: everything that a step's layer depends on, by content. Times, owners in the context, the values of secrets and
 * proxy settings are left out; permission bits are kept, for they land in the layer.
 */
import { createHash } from "node:crypto";
import { encodeName } from "../../store/file-names.ts";
import type { ChainID } from "../../store/store.ts";
import type { Source, SourceEntry } from "../context/tree.ts";
import type { CopyAction, MountPlan, RunAction, WorkdirAction } from "../plan/graph.ts";

/** Changes when the layers that steps make change. */
const GENERATION = "4";

/** Named parts, so that a miss can say which of them differs. */
export type KeyParts = Readonly<Record<string, string>>;

export function keyOf(parts: KeyParts): string {
  const hash = createHash("sha256").update(GENERATION);
  for (const name of Object.keys(parts).sort()) hash.update(`\0${name}\0${parts[name]}`);
  return hash.digest("hex");
}

export interface StepScope {
  readonly parent: ChainID | undefined;
  readonly epoch: number;
  readonly platform: string;
}

function common({ parent, epoch }: StepScope): KeyParts {
  return { parent: parent ?? "", epoch: String(epoch) };
}

/** `mounts` says for each bind what it shows, in the order of the action's mounts. */
export function runParts(action: RunAction, network: string, mounts: readonly string[], scope: StepScope): KeyParts {
  return {
    ...common(scope),
    kind: "RUN",
    platform: scope.platform,
    command: JSON.stringify(action.args),
    script: JSON.stringify(action.scripts),
    ...Object.fromEntries(action.env.map((pair) => [`env ${pair.split("=", 1)[0]}`, pair])),
    "working folder": action.cwd,
    user: action.user,
    network,
    ...(action.security === "sandbox" ? {} : { security: action.security }),
    ...(action.hostname === undefined ? {} : { hostname: action.hostname }),
    mounts: JSON.stringify(action.mounts.map(mountPart)),
    "mounted files": JSON.stringify(mounts),
  };
}

function mountPart(mount: MountPlan): object {
  if (mount.kind === "bind") return { kind: mount.kind, target: mount.target, writable: mount.writable };
  if (mount.kind === "cache") return { kind: mount.kind, target: mount.target, readOnly: mount.readOnly };
  return mount;
}

/** `files` names the content that is copied: of the selection, or of the whole stage it comes from. */
export function copyParts(action: CopyAction, files: string, scope: StepScope): KeyParts {
  return {
    ...common(scope),
    kind: "COPY",
    patterns: JSON.stringify(action.patterns),
    destination: action.destination,
    options: JSON.stringify([action.chown ?? "", action.chmod ?? "", action.exclude, action.parents, action.unpack, action.link]),
    "inline files": JSON.stringify(action.inline),
    ...(action.order === undefined ? {} : { order: JSON.stringify(action.order) }),
    downloads: JSON.stringify([...action.urls, ...(action.git ?? [])]),
    files,
  };
}

/** Of a --link layer, wherever it stands. `owner` is what --chown came to: names are those of the parent. */
export function linkParts({ parent: _parent, ...parts }: KeyParts, owner: string): KeyParts {
  return { ...parts, kind: "COPY --link", owner };
}

export function workdirParts(action: WorkdirAction, scope: StepScope): KeyParts {
  return { ...common(scope), kind: "WORKDIR", path: action.path, user: action.user };
}

/** What a COPY selected, in words: names, kinds, modes, owners, sizes, links and bytes. Its digest stands for the files in the key. */
export function selectionText(sources: readonly Source[], digests: readonly (readonly string[])[]): string {
  const textOf = ({ path, entries, above = [] }: Source, at: number): string =>
    selectionHead(path, entries.length) + above.map((folder) => selectionLine(folder, "")).join("") + linesOf(entries, digests[at] ?? []);
  return sources.map(textOf).join("");
}

/** Names of one file become names of one file in the layer: which they are counts. */
function linesOf(entries: readonly SourceEntry[], digests: readonly string[]): string {
  const firstNames = new Map<string, string>();
  const lines = entries.map((entry, at) => {
    const first = entry.inode === undefined ? undefined : firstNames.get(entry.inode);
    if (entry.inode !== undefined && first === undefined) firstNames.set(entry.inode, entry.path);
    return selectionLine(entry, digests[at] ?? "", first);
  });
  return lines.join("");
}

export function selectionDigest(text: string): string {
  return createHash("sha256").update(encodeName(text)).digest("hex");
}

export function selectionHead(path: string, count: number): string {
  return `${path}\0${count}\n`;
}

/** `first` is an earlier name of the same file. */
export function selectionLine(entry: SourceEntry, digest: string, first?: string): string {
  const { path, type, mode, uid, gid, size, target = "", major = 0, minor = 0, xattrs } = entry;
  const kind = first === undefined ? type : `${type} ${first}`;
  return `${path}\0${kind}\0${mode}\0${uid}:${gid}\0${size}\0${target}\0${major}:${minor}\0${xattrs === undefined ? "" : xattrsText(xattrs)}\0${digest}\n`;
}

function xattrsText(xattrs: Readonly<Record<string, Uint8Array>>): string {
  return Object.entries(xattrs)
    .map(([name, value]) => `${name}=${Buffer.from(value).toString("hex")}`)
    .sort()
    .join(",");
}
