/** ADD of URLs and git repositories: what stands for them in the key, known before anything is brought, and the files when they are needed. */
import { join } from "node:path";
import { ownedName } from "../../store/owner.ts";
import { DigestIndex } from "../context/digest-index.ts";
import { FolderTree } from "../context/folder-tree.ts";
import { compileRules } from "../context/ignore.ts";
import type { Source, SourceEntry } from "../context/tree.ts";
import type { Placed } from "../copy/place.ts";
import { BuilderError } from "../errors.ts";
import type { CopyAction } from "../plan/graph.ts";
import type { SolveScope } from "../solve/scope.ts";
import { download, type Download } from "./download.ts";
import { nameInUrl, noName } from "./file-name.ts";
import { checkout, subfolder, type Checkout } from "./git-checkout.ts";
import { resolveCommit } from "./git-resolve.ts";
import { parseGitUrl } from "./git-url.ts";
import { buildScope } from "./build-scope.ts";
import type { RemoteScope } from "./scope.ts";

const FILE_MODE = 0o600;

export interface RemoteFiles {
  readonly placed: readonly Placed[];
  readonly digests: ReadonlyMap<SourceEntry, string>;
}

export interface RemoteSources {
  /** Changes when the content does. */
  readonly digest: string;
  open(): Promise<RemoteFiles>;
}

interface RemoteSource {
  readonly key: string;
  open(): Promise<{ readonly placed: Placed; readonly digests: readonly string[] }>;
}

/** @throws {BuilderError} `DOWNLOAD_FAILED`, `GIT_FAILED`, `GIT_INVALID`, `LOCK_BROKEN`, `FLAG_INVALID` */
export async function resolveSources(action: CopyAction, scope: SolveScope): Promise<RemoteSources> {
  const remote = buildScope(scope.request, scope.collaborators, scope.signal);
  const sources = await Promise.all([
    ...action.urls.map(async (url) => await urlSource(url, action, remote, scope.epoch)),
    ...(action.git ?? []).map(async (url) => await gitSource(url, action, remote, scope)),
  ]);
  return {
    digest: JSON.stringify(sources.map(({ key }) => key)),
    async open() {
      const opened = await Promise.all(sources.map(async (source) => await source.open()));
      const digests = new Map(opened.flatMap(({ placed, digests: own }) => placed.source.entries.map((entry, at) => [entry, own[at] ?? ""] as const)));
      return { placed: opened.map(({ placed }) => placed), digests };
    },
  };
}

/** A digest that is known beforehand is the key: the server is not asked while the layer is there. */
async function urlSource(url: string, action: CopyAction, scope: RemoteScope, epoch: number): Promise<RemoteSource> {
  const { checksum } = action;
  if (checksum !== undefined && !/^sha256:[0-9a-f]{64}$/.test(checksum))
    throw new BuilderError("FLAG_INVALID", `Cannot use --checksum=${checksum} for ${url}: expected sha256: and 64 hex digits`);
  const needsName = action.destination.endsWith("/");
  const known = checksum ?? scope.pins?.find("urls", url);
  let brought: Promise<Download> | undefined;
  const bring = async (): Promise<Download> => await (brought ??= download(url, scope, { checksum }));
  const open = async (): ReturnType<RemoteSource["open"]> => {
    const found = await bring();
    return { placed: { pattern: url, source: fileSource(url, found, needsName) }, digests: [found.digest.replace(/^sha256:/, "")] };
  };
  if (known !== undefined && (!needsName || nameInUrl(url) !== undefined)) {
    if (checksum === undefined) scope.pins?.record("urls", url, known);
    return { key: known, open };
  }
  const { digest, name = "", mtime } = await bring();
  return { key: [digest, needsName ? name : "", Math.min(mtime, epoch)].join(" "), open };
}

function fileSource(url: string, { file, size, mtime, name }: Download, needsName: boolean): Source {
  if (name === undefined && needsName) throw noName(url);
  return { path: name ?? "download", entries: [{ path: "", type: "file", mode: FILE_MODE, uid: 0, gid: 0, mtime, size, file }] };
}

async function gitSource(url: string, action: CopyAction, remote: RemoteScope, scope: SolveScope): Promise<RemoteSource> {
  const written = parseGitUrl(url);
  const { checksum } = action;
  if (checksum !== undefined && !/^[0-9a-f]{7,64}$/.test(checksum))
    throw new BuilderError("FLAG_INVALID", `Cannot use --checksum=${checksum} for ${url}: expected the commit, 7 to 64 hex digits`);
  if (checksum !== undefined && written.checksum !== undefined && checksum !== written.checksum)
    throw new BuilderError("FLAG_INVALID", `Cannot use --checksum=${checksum} for ${url}: the URL names checksum ${written.checksum}`);
  const reference = checksum === undefined ? written : { ...written, checksum, ref: written.ref ?? checksum };
  const wanted: Checkout = { reference, commit: await resolveCommit(reference, remote), keepGitDir: action.keepGitDir ?? reference.keepGitDir ?? false };
  return {
    key: ["git", wanted.commit, reference.subdir, wanted.keepGitDir, reference.submodules].join(" "),
    async open() {
      const whole = join(scope.scratch, ownedName());
      await checkout(wanted, whole, remote);
      const folder = subfolder(whole, reference);
      const tree = new FolderTree(folder, {
        treeTool: scope.collaborators.treeTool,
        rules: compileRules([]),
        digests: new DigestIndex(undefined),
        modes: "keep",
      });
      const [source] = await tree.select("/", { exclude: action.exclude });
      if (source === undefined) throw new BuilderError("GIT_FAILED", `Cannot use ${url}: it is empty`);
      return { placed: { pattern: url, source }, digests: await tree.digests(source.entries) };
    },
  };
}
