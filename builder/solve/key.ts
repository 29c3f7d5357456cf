/**
 * Cache keys: everything that a step's layer depends on, by content. Times, owners in the context, the values of secrets and
 * proxy settings are left out; permission bits are kept, for they land in the layer.
 */
import { createHash } from "node:crypto";
import type { ChainID } from "../../store/store.ts";
import type { Source } from "../context/tree.ts";
import type { CopyAction, MountPlan, RunAction, WorkdirAction } from "../plan/graph.ts";

/** Changes when the layers that steps make change. */
const GENERATION = "1";

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
    options: JSON.stringify([action.chown ?? "", action.chmod ?? "", action.exclude, action.parents, action.unpack]),
    "inline files": JSON.stringify(action.inline),
    downloads: JSON.stringify(action.urls),
    files,
  };
}

export function workdirParts(action: WorkdirAction, scope: StepScope): KeyParts {
  return { ...common(scope), kind: "WORKDIR", path: action.path, user: action.user };
}

/** One digest for what a COPY selected: names, kinds, modes, owners, sizes, links and bytes. */
export function selectionDigest(sources: readonly Source[], digests: readonly (readonly string[])[]): string {
  const hash = createHash("sha256");
  sources.forEach((source, at) => {
    const lines = source.entries.map(
      ({ path, type, mode, uid, gid, size, target = "", major = 0, minor = 0, xattrs }, index) =>
        `${path}\0${type}\0${mode}\0${uid}:${gid}\0${size}\0${target}\0${major}:${minor}\0${xattrs === undefined ? "" : xattrsText(xattrs)}\0${digests[at]?.[index]}\n`,
    );
    hash.update(`${source.path}\0${source.entries.length}\n`).update(lines.join(""));
  });
  return hash.digest("hex");
}

function xattrsText(xattrs: Readonly<Record<string, Uint8Array>>): string {
  return Object.entries(xattrs)
    .map(([name, value]) => `${name}=${Buffer.from(value).toString("hex")}`)
    .sort()
    .join(",");
}
