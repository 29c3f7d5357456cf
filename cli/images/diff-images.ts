/** strata image diff: what each layer of an image adds, changes and removes, or what lies between two images. */
import { Command } from "commander";
import { chainsOf } from "../../store/layer/chain.ts";
import type { Image, MergedView, Store, ViewEntry } from "../../store/store.ts";
import type { Context } from "../context.ts";

interface Flags {
  readonly output?: string;
}

interface Change {
  readonly kind: "A" | "C" | "D";
  readonly path: string;
  /** Of one image: which layer, counted from 1. */
  readonly layer?: number;
}

export function diffCommand(context: Context): Command {
  return new Command()
    .description("Show what the layers of an image change, or how two images differ")
    .argument("<image>")
    .argument("[other]")
    .option("-o, --output <format>", "json")
    .action(async (name: string, other: string | undefined, { output }: Flags) => {
      const store = await context.store();
      const image = await store.images.open(name);
      const changes =
        other === undefined ? layerChanges(store, image) : between(await viewOf(store, image), await viewOf(store, await store.images.open(other)), "");
      for await (const change of changes) context.stdout.write(`${output === "json" ? JSON.stringify(change) : lineOf(change)}\n`);
    });
}

function lineOf({ kind, path, layer }: Change): string {
  return `${layer === undefined ? "" : `${String(layer).padStart(3)} `}${kind} ${path}`;
}

async function viewOf(store: Store, image: Image): Promise<MergedView> {
  return await store.snapshots.view(await store.images.unpack(image));
}

async function* layerChanges(store: Store, image: Image): AsyncIterable<Change> {
  await store.images.unpack(image);
  const chains = chainsOf(image.config.rootfs.diff_ids);
  for (const [index, chain] of chains.entries()) {
    const below = await store.snapshots.view(chains[index - 1]);
    for (const { path, type } of await store.snapshots.entries(chain)) {
      if (type === "opaque") continue;
      const kind = type === "whiteout" ? "D" : (await below.lookup(path, { follow: false })) === undefined ? "A" : "C";
      yield { kind, path: `/${path}`, layer: index + 1 };
    }
  }
}

async function* between(before: MergedView, after: MergedView, folder: string): AsyncIterable<Change> {
  const names = new Set([...(await before.list(folder)), ...(await after.list(folder))]);
  for (const name of [...names].sort()) {
    const path = folder === "" ? name : `${folder}/${name}`;
    const [old, now] = [await before.lookup(path, { follow: false }), await after.lookup(path, { follow: false })];
    if (old === undefined) yield { kind: "A", path: `/${path}` };
    else if (now === undefined) yield { kind: "D", path: `/${path}` };
    else if (!isSame(old, now)) yield { kind: "C", path: `/${path}` };
    if (old?.type === "directory" || now?.type === "directory") yield* between(before, after, path);
  }
}

/** The same file of the same layer, or the same metadata: layers are not read. */
function isSame(a: ViewEntry, b: ViewEntry): boolean {
  if (a.file === b.file) return true;
  return (
    a.type === b.type &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.size === b.size &&
    a.target === b.target &&
    (a.type === "directory" || a.mtime === b.mtime)
  );
}
