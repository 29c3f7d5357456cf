/**
 * Content on its way into the store. No record leads to it before its image is named, so it is leased from when it is known of, however long the rest
 * takes: a collection spares what is young for an hour only. Dispose, once the image is named, lets go of it.
 */
import type { Blobs, ContentSink } from "../content.ts";
import type { Digest } from "../digest.ts";
import { StoreError } from "../errors.ts";
import { isIndex, isManifest } from "../image/documents.ts";
import { ownedName } from "../owner.ts";
import type { ChainID, Store } from "../store.ts";

export interface Arrival extends AsyncDisposable {
  /** The store's; what is looked for or stored through them is held. */
  readonly blobs: Blobs;
  /** As `blobs`, but a document is taken again though it is there: what it names is looked for then. */
  readonly sink: ContentSink;
  /** Holds these too, also what is not there yet. Idempotent. */
  expect(content: ArrivalContent): Promise<void>;
  /** A last look before the image is named: all that is held is there, and is young from now on. @throws {StoreError} `BLOB_UNKNOWN`, `SNAPSHOT_UNKNOWN` */
  confirm(): Promise<void>;
}

export interface ArrivalContent {
  readonly digests?: readonly Digest[];
  readonly chains?: readonly ChainID[];
}

type Parts = Pick<Store, "blobs" | "snapshots" | "leases">;

export function openArrival(store: Parts): Arrival {
  const lease = openLease(store);
  const blobs: Blobs = {
    ...store.blobs,
    async has(descriptor) {
      await lease.hold({ digests: [descriptor.digest] });
      return await store.blobs.has(descriptor);
    },
    async push(descriptor, content) {
      await lease.hold({ digests: [descriptor.digest] });
      await store.blobs.push(descriptor, content);
    },
    async ingest(content, expected) {
      const stored = await store.blobs.ingest(content, expected);
      await lease.hold({ digests: [stored.digest] });
      return stored;
    },
    async put(bytes, algorithm) {
      const stored = await store.blobs.put(bytes, algorithm);
      await lease.hold({ digests: [stored.digest] });
      return stored;
    },
  };
  return {
    blobs,
    sink: {
      has: async (descriptor) => !isIndex(descriptor) && !isManifest(descriptor) && (await blobs.has(descriptor)),
      push: async (descriptor, content) => await blobs.push(descriptor, content),
    },
    expect: async (content) => await lease.hold(content),
    confirm: async () => await confirm(store, lease),
    [Symbol.asyncDispose]: async () => await lease.release(),
  };
}

interface Lease {
  readonly digests: ReadonlySet<Digest>;
  readonly chains: ReadonlySet<ChainID>;
  hold(content: ArrivalContent): Promise<void>;
  release(): Promise<void>;
}

/** One record, written when there is more to hold; who comes while it is written shares the next writing. */
function openLease({ leases }: Parts): Lease {
  const name = `arrival-${ownedName()}`;
  const [digests, chains] = [new Set<Digest>(), new Set<ChainID>()];
  let written = 0;
  let last = Promise.resolve();
  const write = async (wanted: number): Promise<void> => {
    if (written >= wanted) return;
    const now = digests.size + chains.size;
    await leases.hold(name, { digests: [...digests], chains: [...chains] }, { ephemeral: true });
    written = now;
  };
  return {
    digests,
    chains,
    async hold(content) {
      for (const digest of content.digests ?? []) digests.add(digest);
      for (const chain of content.chains ?? []) chains.add(chain);
      const wanted = digests.size + chains.size;
      if (written >= wanted) return;
      last = last.then(async () => await write(wanted));
      await last;
    },
    async release() {
      await last.catch(() => {}); // who wanted it held was told
      if (written > 0) await leases.release(name);
      written = 0;
    },
  };
}

async function confirm({ blobs, snapshots }: Parts, { digests, chains }: Lease): Promise<void> {
  for (const digest of digests) if (!(await blobs.has({ mediaType: "", digest, size: 0 }))) throw gone("BLOB_UNKNOWN", digest);
  for (const chain of chains) if ((await snapshots.use(chain)) === undefined) throw gone("SNAPSHOT_UNKNOWN", chain);
}

function gone(code: "BLOB_UNKNOWN" | "SNAPSHOT_UNKNOWN", digest: Digest): StoreError {
  const what = code === "BLOB_UNKNOWN" ? "blob" : "layer";
  return new StoreError(code, `Cannot name the image that came: ${what} ${digest} of it is no longer in the store`, {
    hint: "Something removed it meanwhile: run the command again, which brings what is missing",
  });
}
