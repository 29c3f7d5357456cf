/** RUN --mount: what each shows, by content for the key, and as mounts for the executor. */
import * as fs from "node:fs";
import { join, posix } from "node:path";
import { createHash } from "node:crypto";
import type { ChainID } from "../../store/store.ts";
import type { MountUse } from "../cache/mount-lock.ts";
import type { Source } from "../context/tree.ts";
import { LayerPlan } from "../copy/layer-plan.ts";
import { place } from "../copy/place.ts";
import { BuilderError } from "../errors.ts";
import type { RunMount } from "../executor.ts";
import type { BindPlan, CachePlan, RunAction, SecretPlan, Shown as ShownPlan } from "../plan/graph.ts";
import type { FileList } from "./file-list.ts";
import { refuseChanged } from "./copy-settle.ts";
import { selectionDigest, selectionText } from "./key.ts";
import { beginCache } from "./run-cache.ts";
import type { RunFolder } from "./run-folder.ts";
import type { AgentSockets } from "./run-ssh.ts";
import type { MountTarget } from "./run-stubs.ts";
import type { Making, SolveScope } from "./scope.ts";

export interface Shown {
  /** For the key. */
  readonly digest: string;
  /** By name, to say what changed. */
  readonly files: FileList;
  /** A layer that holds just what is shown, at `mounted`; made when it is asked for. */
  layer(): Promise<ChainID>;
}

const NAME = "mounted";

/** Everything shown is content: a folder of the context or of a stage becomes a layer of its own, shared by all steps that mount it. */
export async function mountedContent(mount: ShownPlan, scope: SolveScope): Promise<Shown> {
  const tree = await scope.treeOf(mount.origin);
  const [source] = await tree.select(mount.source, { exclude: [] });
  const entries = source?.entries ?? [];
  const digests = await tree.digests(entries);
  const digest = source === undefined ? "" : selectionDigest(selectionText([{ path: "", entries }], [digests]));
  return {
    digest,
    files: entries.map(({ path, type, mode }, at) => ({ path, digest: digests[at] ?? "", meta: `${type},${mode}` })),
    layer: async () => await mountedLayer(mount, source, digest, scope),
  };
}

async function mountedLayer(mount: ShownPlan, source: Source | undefined, digest: string, scope: SolveScope): Promise<ChainID> {
  const key = createHash("sha256").update(`mount\0${scope.epoch}\0${digest}`).digest("hex");
  const cached = await scope.cache.find(key);
  if (cached !== undefined) return cached.chainID;
  const { snapshots } = scope.collaborators.store;
  const plan = new LayerPlan({ below: await snapshots.view(undefined), owner: { uid: 0, gid: 0 }, epoch: scope.epoch });
  const isFile = source?.entries[0]?.type !== "directory";
  const options = { destination: isFile ? `/${NAME}` : `/${NAME}/`, owner: undefined, mode: undefined, parents: false, epoch: scope.epoch };
  if (source !== undefined) await place(plan, [{ pattern: mount.source, source }], options);
  const layer = await snapshots.write(undefined, plan.entries());
  if (mount.origin.kind === "context") refuseChanged(source?.entries ?? []);
  const look = { key, parts: { kind: "mount" }, chain: layer.chainID };
  await scope.cache.remember(`mount ${key}`, { ...look, quick: [], isMade: true, isLocal: true });
  return layer.chainID;
}

/** Dispose ends what serves the mounts. */
export interface PreparedMounts extends AsyncDisposable {
  readonly mounts: readonly RunMount[];
  readonly targets: readonly MountTarget[];
  /** Secrets that are given as variables. */
  readonly env: readonly string[];
}

/** @throws {BuilderError} `SECRET_UNKNOWN`, `SSH_UNKNOWN` */
export async function prepareMounts(
  action: RunAction,
  shown: readonly (ChainID | undefined)[],
  folder: RunFolder,
  making: Making,
  scope: SolveScope,
): Promise<PreparedMounts> {
  const uses = await useCaches(action, shown, making, scope);
  const release = (): void => {
    for (const use of new Set(uses.values())) use[Symbol.dispose]();
  };
  try {
    return await prepareAll({ action, shown, uses, release }, folder, scope);
  } catch (error) {
    release();
    throw error;
  }
}

interface Using {
  readonly action: RunAction;
  readonly shown: readonly (ChainID | undefined)[];
  readonly uses: ReadonlyMap<number, MountUse>;
  readonly release: () => void;
}

async function prepareAll({ action, shown, uses, release }: Using, folder: RunFolder, scope: SolveScope): Promise<PreparedMounts> {
  const prepared: PreparedMount[] = [];
  const env: string[] = [];
  for (const [index, mount] of action.mounts.entries()) {
    if (mount.kind === "bind") prepared.push(await bindMount(mount, shown[index], folder.path(`bind-${index}`), scope));
    else if (mount.kind === "tmpfs") prepared.push({ mount, isFile: false });
    else if (mount.kind === "cache") prepared.push({ mount: await cacheMount(mount, uses.get(index), shown[index], scope), isFile: false });
    else if (mount.kind === "secret") prepared.push(...secretMount(mount, folder.path(`secret-${index}`), env, scope));
  }
  for (const script of action.scripts) {
    const path = folder.path(`script-${script.name}`);
    fs.writeFileSync(path, script.content, { mode: 0o755 });
    prepared.push({ mount: { kind: "bind", source: path, target: `/dev/pipes/${script.name}`, readOnly: true }, isFile: true });
  }
  const sockets = action.mounts.some(({ kind }) => kind === "ssh") ? await openSockets(action, folder, scope) : undefined; // last: whoever fails after it would leave it open
  if (sockets !== undefined) {
    prepared.push(...sockets.mounts.map((mount) => ({ mount, isFile: true })));
    env.push(...sockets.env.filter(() => !action.env.some((pair) => pair.startsWith("SSH_AUTH_SOCK="))));
  }
  return {
    mounts: prepared.map(({ mount }) => mount),
    targets: prepared.map(({ mount, isFile }) => ({ path: mount.target, isFile })),
    env,
    async [Symbol.asyncDispose]() {
      release();
      await sockets?.[Symbol.asyncDispose]();
    },
  };
}

interface PreparedMount {
  readonly mount: RunMount;
  readonly isFile: boolean;
}

/** Heavy, and rarely needed. */
async function openSockets(action: RunAction, folder: RunFolder, scope: SolveScope): Promise<AgentSockets> {
  const { openAgentSockets } = await import("./run-ssh.ts");
  return await openAgentSockets(action.mounts, folder, scope);
}

/** Where a layer of `mountedContent` has what is shown; topmost first. */
async function shownPaths(chain: ChainID | undefined, scope: SolveScope): Promise<readonly string[]> {
  const layer = chain === undefined ? undefined : await scope.collaborators.store.snapshots.get(chain);
  return [layer?.folder, layer?.over].flatMap((path) => (path === undefined ? [] : [join(path, NAME)]));
}

async function bindMount(mount: BindPlan, chain: ChainID | undefined, folder: string, scope: SolveScope): Promise<PreparedMount> {
  const lowers = await shownPaths(chain, scope);
  const source = lowers[0] ?? "";
  const isFile = !fs.lstatSync(source).isDirectory();
  if (!mount.writable && lowers.length === 1) return { mount: { kind: "bind", source, target: mount.target, readOnly: true }, isFile };
  if (isFile) return { mount: { kind: "bind", source: copyOf(source, folder), target: mount.target, readOnly: false }, isFile };
  const [upper, work] = [join(folder, "upper"), join(folder, "work")];
  for (const path of [upper, work]) fs.mkdirSync(path, { recursive: true, mode: 0o755 });
  return { mount: { kind: "overlay", lowers, upper, work, target: mount.target }, isFile: false };
}

/** What is written to a file mounted with rw goes with the copy. */
function copyOf(source: string, copy: string): string {
  const { uid, gid, mode, mtime } = fs.statSync(source);
  fs.copyFileSync(source, copy);
  fs.chownSync(copy, uid, gid);
  fs.chmodSync(copy, mode & 0o7777);
  fs.utimesSync(copy, mtime, mtime);
  return copy;
}

/** Lives in the root from build to build. */
async function cacheMount(mount: CachePlan, use: MountUse | undefined, seed: ChainID | undefined, scope: SolveScope): Promise<RunMount> {
  const path = use!.path;
  if (!fs.existsSync(path)) await beginCache(path, mount, seed === undefined ? undefined : await shownPaths(seed, scope));
  return { kind: "bind", source: path, target: mount.target, readOnly: mount.readOnly, ...(mount.below === undefined ? {} : { below: mount.below }) };
}

/** Begun with something else, or for somebody else, a mount of the same id is another one, as in BuildKit. */
function placeOf({ id, isOwned, uid, gid, mode }: CachePlan, seed: ChainID | undefined): string {
  return [id, ...(seed === undefined ? [] : [seed]), ...(isOwned ? [`${uid}:${gid} ${mode.toString(8)}`] : [])].join("\0");
}

/** By the mounts' index. One after the other in a fixed order, so that two steps never wait for each other. */
async function useCaches(
  action: RunAction,
  shown: readonly (ChainID | undefined)[],
  making: Making,
  scope: SolveScope,
): Promise<ReadonlyMap<number, MountUse>> {
  const caches = action.mounts.flatMap((mount, index) => (mount.kind === "cache" ? [{ mount, index }] : []));
  const uses = new Map<number, MountUse>();
  if (caches.length === 0) return uses;
  const [{ useMount }, { mountPath, noteMount }] = await Promise.all([import("../cache/mount-lock.ts"), import("../cache/cache-mounts.ts")]);
  const { store, treeTool } = scope.collaborators;
  const wanted = caches
    .map(({ mount, index }) => ({ mount, index, path: mountPath(store, placeOf(mount, shown[index])) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  try {
    for (const { mount, index, path } of wanted) {
      const own = wanted.find((other) => other.path === path && uses.has(other.index));
      const onWait = (): void => making.vertex.output("stderr", Buffer.from(`waiting for cache mount ${mount.id}, which another step uses\n`));
      const use = own === undefined ? await useMount(path, mount.sharing, { treeTool, signal: scope.signal, onWait }) : uses.get(own.index)!;
      uses.set(index, use);
      await noteMount(store, mount.id, use.path);
    }
    return uses;
  } catch (error) {
    for (const use of uses.values()) use[Symbol.dispose]();
    throw error;
  }
}

function secretMount(mount: SecretPlan, path: string, env: string[], scope: SolveScope): PreparedMount[] {
  const secret = scope.request.secrets.get(mount.id);
  if (secret === undefined) {
    if (!mount.required) return [];
    throw new BuilderError("SECRET_UNKNOWN", `Cannot mount secret ${mount.id}: it was not given`, { hint: `Give it by --secret id=${mount.id},src=FILE` });
  }
  const content = secret.read();
  if (mount.env !== undefined) env.push(`${mount.env}=${Buffer.from(content).toString("utf8")}`);
  if (mount.target === undefined) return [];
  fs.writeFileSync(path, content, { mode: 0o600 });
  fs.chownSync(path, mount.uid, mount.gid);
  fs.chmodSync(path, mount.mode);
  return [{ mount: { kind: "bind", source: path, target: posix.resolve("/", mount.target), readOnly: true }, isFile: true }];
}
