/** Opens the store of a root folder, making it if it is new. Several processes may have it open. */
import { openBlobs, type VirtualBlobs } from "./blob/blobs.ts";
import { openIngests } from "./blob/ingests.ts";
import { openCare } from "./care/care.ts";
import { openLeases, type LeaseRecord } from "./care/leases.ts";
import { openSession } from "./care/session.ts";
import { openImages } from "./image/images.ts";
import type { StoredImage } from "./image/record.ts";
import type { DiffRecord, LayerRecord, LayerTables } from "./layer/records.ts";
import { openWorkers, type Workers } from "./layer/workers.ts";
import { layoutAt, makeLayout } from "./layout.ts";
import { openDatabase, type Database } from "./records/database.ts";
import { allRecords, openTable } from "./records/table.ts";
import { applyBlob } from "./snapshot/apply.ts";
import { layerBlob, layerTar } from "./snapshot/blob.ts";
import { recordLayer, type SnapshotHost } from "./snapshot/host.ts";
import { folderTar, openSnapshots } from "./snapshot/snapshots.ts";
import type { Blobs, Snapshots, Store, Table } from "./store.ts";
import { sweepStore } from "./sweep.ts";

export interface StoreOptions {
  /** Made when absent. */
  readonly root: string;
  /** Path of the native helper. */
  readonly helper: string;
}

/** Database and threads wait for their first use: a verb that needs neither does not pay for them. */
export async function openStore({ root, helper }: StoreOptions): Promise<Store> {
  const layout = layoutAt(root);
  makeLayout(layout);
  await sweepStore(layout);
  let database: ReturnType<typeof openDatabase> | undefined;
  let workers: Workers | undefined;
  const openedDatabase = (): Database => (database ??= openDatabase(layout.db));
  const table = <Value>(name: string): Table<Value> => openTable(openedDatabase, name);
  const tables: LayerTables = { layers: table<LayerRecord>("store.layers"), diffs: table<DiffRecord>("store.diffs") };
  const session = openSession(layout);
  const host: SnapshotHost = {
    layout,
    helper,
    tables,
    blobs: () => blobs,
    begin: session.begin,
    workers: () => (workers ??= openWorkers()),
    record: async (parent, layer) => await recordLayer(layout, tables, parent, layer),
  };
  const blobs: Blobs = openBlobs(layout, layerBlobs(host), session.begin);
  const snapshots: Snapshots = {
    ...openSnapshots(host),
    apply: async (parent, blob, diffID, content) => await applyBlob(host, parent, blob, diffID, content),
    tar: (chain) => layerTar(host, chain),
    blob: async (chain, compression) => await layerBlob(host, chain, compression),
  };
  const imageTable = table<StoredImage>("store.images");
  const leaseTable = table<LeaseRecord>("store.leases");
  const images = openImages({ blobs, table: imageTable, snapshots: () => snapshots, now: () => Date.now() });
  return {
    root,
    blobs,
    ingests: openIngests(layout, session.begin),
    snapshots,
    images,
    leases: openLeases(leaseTable),
    care: openCare({ layout, blobs, tables, images: imageTable, records: () => allRecords(openedDatabase()), tar: snapshots.tar }, leaseTable),
    table,
    async [Symbol.asyncDispose]() {
      session.end();
      await workers?.[Symbol.asyncDispose]();
      await database?.close();
    },
  };
}

/** Layers whose tar can be written from their folder are blobs too, under their diffID. */
function layerBlobs(host: SnapshotHost): VirtualBlobs {
  return {
    stat(digest) {
      const diff = host.tables.diffs.get(digest);
      return diff?.canonical === true && diff.folder !== undefined ? { digest, size: diff.size } : undefined;
    },
    open: (digest) => folderTar(host, host.tables.diffs.get(digest)!.folder!),
  };
}
