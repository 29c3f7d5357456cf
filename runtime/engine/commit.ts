/** commit: the upper folder as one more layer. What is mounted, the init layer and secrets are not in it; of a volume its empty mount point is. */
import { statSync } from "node:fs";
import { posix } from "node:path";
import type { ExecutionConfig, ImageConfig } from "../../store/oci.ts";
import type { ActiveSnapshot, Image, Layer, Store } from "../../store/store.ts";
import { isInUserNamespace } from "../../store/user-namespace.ts";
import type { ContainerRecord, MountPoint } from "../engine.ts";
import { RuntimeError } from "../errors.ts";
import { whilePaused } from "./brief-pause.ts";
import { applyChanges } from "./changes.ts";
import { withUpper } from "./container-view.ts";
import { resolveParents } from "./init-layer.ts";
import { lockContainer } from "./lock-container.ts";
import { type Parts, snapshotKey } from "./parts.ts";
import { getContainer } from "./status.ts";
import { tellContainer } from "./tell.ts";

export interface CommitOptions {
  readonly name?: string;
  readonly author?: string;
  readonly message?: string;
  readonly changes?: readonly string[];
  readonly pause?: boolean;
}

/** @throws {RuntimeError} `CONTAINER_UNKNOWN`, `SPEC_INVALID`, `IMAGE_UNKNOWN` */
export async function commitContainer(parts: Parts, reference: string, options: CommitOptions = {}): Promise<Image> {
  const { id } = parts.records.find(reference);
  await using _ = await lockContainer(parts, id);
  const { record, status } = await getContainer(parts, id);
  const { config: base, layers, active } = await baseOf(parts.store, record);
  const config = applyChanges(withoutSecrets(record, base.config?.Env ?? []), options.changes ?? []);
  const folders = await emptyMountPoints(parts, record);
  const mustPause = (options.pause ?? true) && status.status === "running" && !isInUserNamespace(); // where there are no groups, nothing can be paused
  const take = async (): Promise<Layer> =>
    await withUpper(parts, active, async (upper) => await parts.store.snapshots.commit(snapshotKey(id), { keep: true, folders, upper }));
  const layer = mustPause ? await whilePaused(parts, id, take) : await take();
  const created = new Date().toISOString();
  const history = {
    created,
    created_by: [record.path, ...record.args].join(" "),
    ...(options.message !== undefined && { comment: options.message }),
    ...(options.author !== undefined && { author: options.author }),
  };
  const document: ImageConfig = {
    ...base,
    created,
    ...(options.author !== undefined && { author: options.author }),
    config,
    rootfs: { type: "layers", diff_ids: [...base.rootfs.diff_ids, layer.diffID] },
    history: [...(base.history ?? []), history],
  };
  const target = await parts.store.images.assemble([...layers, layer], document);
  if (options.name !== undefined) await parts.store.images.tag(options.name, target);
  const image = await parts.store.images.read(target);
  tellContainer(parts, "commit", record, { comment: options.message ?? "", imageID: image.id, imageRef: options.name ?? "" });
  return image;
}

/** As docker leaves them: who runs the image finds a folder to mount on. A bound file, a secret say, leaves nothing. */
async function emptyMountPoints(parts: Parts, { id, mounts }: ContainerRecord): Promise<readonly string[]> {
  const active = await parts.store.snapshots.active(snapshotKey(id));
  if (active === undefined) return [];
  const view = await parts.store.snapshots.view(active.parent);
  const isFolder = ({ kind, source }: MountPoint): boolean =>
    kind === "volume" || (kind === "bind" && statSync(source, { throwIfNoEntry: false })?.isDirectory() === true);
  const found = new Set<string>();
  for (const { target } of mounts.filter(isFolder)) {
    let path = (await view.lookup(target)) === undefined ? await resolveParents(view, target) : "/";
    for (; (await view.lookup(path, { follow: false })) === undefined; path = posix.dirname(path)) found.add(path.slice(1));
  }
  return [...found];
}

/** A secret variable goes back to what the image had. */
function withoutSecrets({ config, options }: Pick<ContainerRecord, "config" | "options">, image: readonly string[]): ExecutionConfig {
  const nameOf = (entry: string): string => entry.split("=", 1)[0] ?? "";
  const secret = new Set(options.secretEnv);
  const kept = (config.Env ?? []).flatMap((entry) => (secret.has(nameOf(entry)) ? image.filter((one) => nameOf(one) === nameOf(entry)) : [entry]));
  return { ...config, ...(config.Env !== undefined && { Env: kept }) };
}

/** The image's documents and layers, lowest first; they are kept while the container is there. */
async function baseOf(
  store: Store,
  record: ContainerRecord,
): Promise<{ readonly config: ImageConfig; readonly layers: readonly Layer[]; readonly active: ActiveSnapshot }> {
  const config = JSON.parse(Buffer.from(await store.blobs.read(record.imageID)).toString()) as ImageConfig;
  const active = await store.snapshots.active(snapshotKey(record.id));
  if (active === undefined) throw new RuntimeError("CONTAINER_STATE", `Cannot commit container ${record.name}: its files are gone`);
  const layers: Layer[] = [];
  for (let chain = active.parent; chain !== undefined; chain = layers[0]?.parent) {
    const layer = await store.snapshots.get(chain);
    if (layer === undefined) throw new RuntimeError("IMAGE_UNKNOWN", `Cannot commit container ${record.name}: layer ${chain} of its image is gone`);
    layers.unshift(layer);
  }
  return { config, layers, active };
}
