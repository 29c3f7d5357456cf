/** assemble: layers and plans → configuration, manifest. The history has one entry an instruction, with a layer exactly when it made one. */
import type { Digest } from "../store/digest.ts";
import type { Descriptor, HistoryEntry, ImageConfig, Manifest } from "../store/oci.ts";
import type { ChainID, Layer, Store } from "../store/store.ts";
import type { BuildGraph, StagePlan } from "./plan/graph.ts";

export interface Assembled {
  readonly target: Descriptor;
  readonly id: Digest;
  readonly config: ImageConfig;
}

export interface AssembleOptions {
  /** Seconds. */
  readonly epoch: number;
  readonly labels: ReadonlyMap<string, string>;
  /** Further fields of the config document. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

export async function assemble(store: Store, graph: BuildGraph, chain: ChainID | undefined, options: AssembleOptions): Promise<Assembled> {
  const layers = await layersOf(store, chain);
  const config = imageConfig(graph, layers, options);
  const target = await store.images.assemble(layers, config);
  const manifest = JSON.parse(Buffer.from(await store.blobs.read(target.digest)).toString("utf8")) as Manifest;
  return { target, id: manifest.config.digest, config };
}

/** Lowest first. */
export async function layersOf(store: Store, chain: ChainID | undefined): Promise<readonly Layer[]> {
  const layers: Layer[] = [];
  for (let at = chain; at !== undefined;) {
    const layer = await store.snapshots.get(at);
    if (layer === undefined) throw new Error(`layer ${at} of this build is gone`);
    layers.unshift(layer);
    at = layer.parent;
  }
  return layers;
}

export function imageConfig(graph: BuildGraph, layers: readonly Layer[], options: AssembleOptions): ImageConfig {
  const stage = stageOf(graph, graph.target);
  const created = new Date(options.epoch * 1000).toISOString().replace(".000Z", "Z");
  const Labels = { ...stage.config.Labels, ...Object.fromEntries(options.labels) };
  return {
    ...stage.platform,
    created,
    ...(stage.author === undefined ? {} : { author: stage.author }),
    config: sorted({ ...stage.config, ...(Object.keys(Labels).length === 0 ? {} : { Labels }) }),
    rootfs: { type: "layers", diff_ids: layers.map(({ diffID }) => diffID) },
    history: historyOf(graph, stage, created),
    ...options.extra,
  };
}

function historyOf(graph: BuildGraph, stage: StagePlan, created: string): readonly HistoryEntry[] {
  const below = stage.base.kind === "stage" ? historyOf(graph, stageOf(graph, stage.base.index), created) : baseHistory(stage);
  return [...below, ...stage.history.map(({ entry }) => ({ created, ...entry }))];
}

/** A base that tells less than it has layers gets an entry for each of the others. */
function baseHistory({ image }: StagePlan): readonly HistoryEntry[] {
  const told = image?.config.history ?? [];
  const missing = (image?.config.rootfs.diff_ids.length ?? 0) - told.filter(({ empty_layer }) => empty_layer !== true).length;
  return [...told, ...Array.from({ length: Math.max(0, missing) }, () => ({}))];
}

function stageOf(graph: BuildGraph, index: number): StagePlan {
  const stage = graph.stages.find((candidate) => candidate.index === index);
  if (stage === undefined) throw new Error(`stage ${index} was not planned`);
  return stage;
}

/** Same configuration, same bytes: keys of the document and of its maps in a fixed order. */
function sorted<Value>(value: Value): Value {
  if (Array.isArray(value) || typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, item]) => [name, sorted(item)]),
  ) as Value;
}
