/** A store on a throw-away root, contexts written from plain data, and builds of them. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "../../builder/build.ts";
import { parseIgnoreFile } from "../../builder/context/ignore.ts";
import type { Executor } from "../../builder/executor.ts";
import type { BuildEvent } from "../../builder/progress.ts";
import type { BuildRequest, BuildResult } from "../../builder/request.ts";
import { openStore } from "../../store/open.ts";
import type { LayerEntry, Store } from "../../store/store.ts";
import { temporaryRoot, treeTool } from "../support/root.ts";

/** Text of a file, `link:TARGET` of a symlink, or text with a mode. */
export type Files = Readonly<Record<string, string | { readonly text: string; readonly mode: number }>>;

export interface Built {
  readonly result: BuildResult;
  readonly events: readonly BuildEvent[];
  /** `hit` or `miss` and the reason, by the step's name. */
  readonly steps: ReadonlyMap<string, string>;
  /** Every file of the image: type, mode, owner, then text or target. */
  readonly files: Readonly<Record<string, string>>;
}

export interface Lab extends AsyncDisposable {
  readonly store: Store;
  readonly folder: string;
  /** Writes files below the context, made new when `name` is. */
  context(files: Files, name?: string): string;
  /** `into` stands in for the lab's own store. */
  build(dockerfile: string, request?: Partial<BuildRequest>, executor?: Executor, into?: Store): Promise<Built>;
  layers(result: BuildResult): Promise<readonly (readonly LayerEntry[])[]>;
}

export async function openLab(): Promise<Lab> {
  const temporary = temporaryRoot();
  const { root, runRoot } = temporary;
  const folder = dirname(root);
  const store = await openStore({ root, treeTool });
  const lab: Lab = {
    store,
    folder,
    context: (files, name = "context") => writeFiles(join(folder, name), files),
    async build(dockerfile, request = {}, executor, into = store) {
      const events: BuildEvent[] = [];
      const result = await build(
        { ...defaults(dockerfile, join(folder, "context")), ...request },
        {
          store: into,
          treeTool,
          scratch: join(runRoot, "build"),
          onEvent: (event) => events.push(event),
          executor: () => (executor === undefined ? Promise.reject(new Error("this build must not run anything")) : Promise.resolve(executor)),
        },
      );
      return { result, events, steps: stepsOf(events), files: await listFiles(store, result) };
    },
    layers: async ({ config, chain }) => {
      const layers: (readonly LayerEntry[])[] = [];
      for (let at = chain; at !== undefined; at = (await store.snapshots.get(at))?.parent) layers.unshift(await store.snapshots.entries(at));
      return layers.slice(-config.rootfs.diff_ids.length);
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      temporary[Symbol.dispose]();
    },
  };
  lab.context({});
  return lab;
}

/** One that `act` alone uses. */
export async function withLab<Value>(act: (lab: Lab) => Promise<Value>): Promise<Value> {
  await using lab = await openLab();
  return await act(lab);
}

export function defaults(dockerfile: string, context: string): BuildRequest {
  return {
    dockerfile: { text: dockerfile, file: "Dockerfile" },
    context,
    ignore: [],
    contexts: new Map(),
    contextModes: "portable",
    target: undefined,
    buildArgs: new Map(),
    labels: new Map(),
    platforms: [],
    secrets: new Map(),
    explain: true,
    noCache: false,
    pull: false,
    network: "default",
    extraHosts: [],
    shmSize: 64 << 20,
    ulimits: [],
    epoch: undefined,
  };
}

export function ignoring(text: string): Pick<BuildRequest, "ignore"> {
  return { ignore: parseIgnoreFile(text) };
}

function writeFiles(folder: string, files: Files): string {
  mkdirSync(folder, { recursive: true });
  for (const [path, content] of Object.entries(files)) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    if (typeof content === "string" && content.startsWith("link:")) symlinkSync(content.slice("link:".length), file);
    else if (typeof content === "string") writeFileSync(file, content);
    else {
      writeFileSync(file, content.text);
      chmodSync(file, content.mode);
    }
  }
  return folder;
}

function stepsOf(events: readonly BuildEvent[]): ReadonlyMap<string, string> {
  const names = new Map(events.flatMap((event) => (event.kind === "started" ? [[event.vertex, event.name.replace(/^\[[^\]]*\] /, "")]] : [])));
  return new Map(
    events.flatMap((event) => (event.kind === "explained" ? [[names.get(event.vertex) ?? "", `${event.isHit ? "hit" : "miss"}: ${event.reason}`]] : [])),
  );
}

async function listFiles(store: Store, { chain }: BuildResult): Promise<Readonly<Record<string, string>>> {
  const view = await store.snapshots.view(chain);
  const files: Record<string, string> = {};
  const walk = async (folder: string): Promise<void> => {
    for (const name of await view.list(folder)) {
      const path = folder === "" ? name : `${folder}/${name}`;
      const entry = await view.lookup(path, { follow: false });
      if (entry === undefined) continue;
      const { type, mode, uid, gid, target } = entry;
      const content =
        type === "file"
          ? ` ${Buffer.from((await view.read(path)) ?? [])
              .toString("utf8")
              .slice(0, 40)}`
          : type === "symlink"
            ? ` -> ${target}`
            : "";
      files[path] = `${type} ${mode.toString(8)} ${uid}:${gid}${content}`;
      if (type === "directory") await walk(path);
    }
  };
  await walk("");
  return files;
}
