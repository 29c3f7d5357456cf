/** Opens the store of a root folder, making it if it is new. Several processes may have it open. */
import type { Digest } from "./digest.ts";
import { openBlobs, type VirtualBlobs } from "./blob/blobs.ts";
import { openLeases, type LeaseRecord } from "./care/leases.ts";
import { openSession } from "./care/session.ts";
import { tellEvent } from "./events/journal.ts";
import { openImages } from "./image/images.ts";
import { REFERRERS_TABLE, type StoredImage } from "./image/record.ts";
import { folderPaths, type DiffRecord, type FolderRecord, type LayerRecord, type LayerTables } from "./layer/records.ts";
import type { Workers } from "./layer/workers.ts";
import { layoutAt, makeLayout, type Layout } from "./layout.ts";
import type { Descriptor } from "./oci.ts";
import { openRecords } from "./records/records.ts";
import { openTable } from "./records/table.ts";
import { recordLayer, type SnapshotHost } from "./snapshot/host.ts";
import { openSnapshots } from "./snapshot/snapshots.ts";
import type { Care, Snapshots, Store } from "./store.ts";
import type { Table } from "./tables.ts";
import type { Blobs, Ingests } from "./content.ts";
import { sweepStore } from "./sweep.ts";

export interface StoreOptions {
  /** Made when absent. */
  readonly root: string;
  /** Path of the native tree tool. */
  readonly treeTool: string;
}

/** Database and threads wait for their first use: a verb that needs neither does not pay for them. */
export async function openStore({ root, treeTool }: StoreOptions): Promise<Store> {
  const layout = layoutAt(root);
  makeLayout(layout);
  await sweepStore(layout);
  let workers: Promise<Workers> | undefined;
  const records = openRecords(layout.db);
  const table = <Value>(name: string): Table<Value> => openTable(records, name);
  const tables: LayerTables = { layers: table<LayerRecord>("store.layers"), diffs: table<DiffRecord>("store.diffs") };
  const session = openSession(layout);
  const begin = (): void => session.begin();
  const host: SnapshotHost = {
    layout,
    treeTool,
    tables,
    blobs: () => blobs,
    begin,
    workers: () => (workers ??= import("./layer/workers.ts").then(({ openWorkers }) => openWorkers())),
    record: async (parent, layer) => await recordLayer(layout, tables, parent, layer),
  };
  const blobs: Blobs = openBlobs(layout, layerBlobs(host), begin);
  const snapshots: Snapshots = openSnapshots(host);
  const imageTable = table<StoredImage>("store.images");
  const leaseTable = table<LeaseRecord>("store.leases");
  const images = openImages({
    blobs,
    table: imageTable,
    snapshots: () => snapshots,
    now: () => Date.now(),
    tell: (action, id, name) => tellEvent(root, "image", action, id, { name }),
  });
  return {
    root,
    blobs,
    ingests: lateIngests(layout, begin),
    snapshots,
    images,
    leases: openLeases(leaseTable),
    care: lateCare(async () =>
      (await import("./care/care.ts")).openCare(
        {
          layout,
          blobs,
          tables,
          images: imageTable,
          referrers: table<Descriptor>(REFERRERS_TABLE),
          records: () => records.list(""),
          tar: (chain) => snapshots.tar(chain),
        },
        leaseTable,
      ),
    ),
    table,
    rest: () => session.end(),
    async [Symbol.asyncDispose]() {
      session.end();
      await (await workers)?.[Symbol.asyncDispose]();
      await records[Symbol.asyncDispose]();
    },
  };
}

/** Layers whose tar can be written from their folder are blobs too, under their diffID. */
function layerBlobs(host: SnapshotHost): VirtualBlobs {
  const folderOf = (digest: Digest): FolderRecord | undefined => {
    const diff = host.tables.diffs.get(digest);
    return diff?.canonical === true ? diff.folder : undefined;
  };
  return {
    stat: (digest) => (folderOf(digest) === undefined ? undefined : { digest, size: host.tables.diffs.get(digest)!.size }),
    async *open(digest) {
      const { folderTar } = await import("./snapshot/folder-content.ts");
      yield* folderTar(host.treeTool, folderPaths(host.layout, folderOf(digest)!));
    },
  };
}

function lateIngests(layout: Layout, begin: () => void): Ingests {
  let opened: Promise<Ingests> | undefined;
  const open = (): Promise<Ingests> => (opened ??= import("./blob/ingests.ts").then(({ openIngests }) => openIngests(layout, begin)));
  return {
    create: async () => await (await open()).create(),
    open: async (id) => await (await open()).open(id),
    offset: async (id) => await (await open()).offset(id),
    async *list() {
      yield* (await open()).list();
    },
    expire: async (before, isUsed) => await (await open()).expire(before, isUsed),
  };
}

function lateCare(open: () => Promise<Care>): Care {
  return {
    collect: async (options) => await (await open()).collect(options),
    usage: async (imagesInUse) => await (await open()).usage(imagesInUse),
    async *check() {
      yield* (await open()).check();
    },
  };
}
