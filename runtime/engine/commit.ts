/** commit: the upper folder as one more layer. What is mounted, the init layer and secrets are not in it. */
import type { ExecutionConfig, ImageConfig } from "../../store/oci.ts";
import type { Image, Layer, Store } from "../../store/store.ts";
import type { ContainerRecord } from "../engine.ts";
import { RuntimeError } from "../errors.ts";
import { applyChanges } from "./changes.ts";
import { lock } from "./lock.ts";
import { lockName, type Parts, snapshotKey } from "./parts.ts";
import { getContainer } from "./status.ts";

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
  await using _ = await lock(lockName(parts, id));
  const { record, status } = await getContainer(parts, id);
  const { config: base, layers } = await baseOf(parts.store, record);
  const config = applyChanges(withoutSecrets(record, base.config?.Env ?? []), options.changes ?? []);
  const mustPause = (options.pause ?? true) && status.status === "running";
  if (mustPause) await parts.processes.pause(id);
  let layer: Layer;
  try {
    layer = await parts.store.snapshots.commit(snapshotKey(id), { keep: true });
  } finally {
    if (mustPause) await parts.processes.resume(id);
  }
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
  return await parts.store.images.read(target);
}

/** A secret variable goes back to what the image had. */
function withoutSecrets({ config, options }: Pick<ContainerRecord, "config" | "options">, image: readonly string[]): ExecutionConfig {
  const nameOf = (entry: string): string => entry.split("=", 1)[0] ?? "";
  const secret = new Set(options.secretEnv);
  const kept = (config.Env ?? []).flatMap((entry) => (secret.has(nameOf(entry)) ? image.filter((one) => nameOf(one) === nameOf(entry)) : [entry]));
  return { ...config, ...(config.Env !== undefined && { Env: kept }) };
}

/** The image's documents and layers, lowest first; they are kept while the container is there. */
async function baseOf(store: Store, record: ContainerRecord): Promise<{ readonly config: ImageConfig; readonly layers: readonly Layer[] }> {
  const config = JSON.parse(Buffer.from(await store.blobs.read(record.imageID)).toString()) as ImageConfig;
  const active = await store.snapshots.active(snapshotKey(record.id));
  if (active === undefined) throw new RuntimeError("CONTAINER_STATE", `Cannot commit container ${record.name}: its files are gone`);
  const layers: Layer[] = [];
  for (let chain = active.parent; chain !== undefined; chain = layers[0]?.parent) {
    const layer = await store.snapshots.get(chain);
    if (layer === undefined) throw new RuntimeError("IMAGE_UNKNOWN", `Cannot commit container ${record.name}: layer ${chain} of its image is gone`);
    layers.unshift(layer);
  }
  return { config, layers };
}
