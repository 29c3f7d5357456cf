/** What is on its way into the store outlives every collection beside it, and is looked for before it is named. */
import { existsSync, readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openArrival } from "../../store/care/arrival.ts";
import { digestOf } from "../../store/digest.ts";
import { MEDIA_TYPE, type Descriptor } from "../../store/oci.ts";
import { storeOfEachTest } from "../support/store.ts";

const { place, store } = storeOfEachTest();

const described = (text: string): Descriptor => ({ mediaType: MEDIA_TYPE.layerTar, digest: digestOf(text), size: text.length });

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** As after an hour: nothing is young any more. */
function makeOld(): void {
  const past = Date.now() / 1000 - 7200;
  for (const folder of ["ingest", "blobs/sha256", "layers"]) {
    for (const name of readdirSync(join(place.root, folder))) utimesSync(join(place.root, folder, name), past, past);
  }
}

test("what is looked for, stored or expected is held until the arrival is over", async () => {
  const arrival = openArrival(store);
  const layer = await store.snapshots.write(undefined, [
    { path: "f", type: "file", mode: 0o644, uid: 0, gid: 0, mtime: 0, source: { bytes: Buffer.from("f") } },
  ]);
  await store.blobs.put("there before");
  await arrival.expect({ chains: [layer.chainID] });
  await Promise.all([
    arrival.blobs.has(described("there before")),
    arrival.blobs.push(described("pushed"), once("pushed")),
    arrival.blobs.ingest(once("ingested")),
    arrival.blobs.put("put"),
  ]);
  const blobs = ["there before", "pushed", "ingested", "put"].map((text) => store.blobs.path(digestOf(text)));
  makeOld();
  await store.care.collect({ cache: true });
  expect([...blobs, layer.folder].map((path) => existsSync(path))).toEqual([true, true, true, true, true]);
  await arrival.confirm();
  await arrival[Symbol.asyncDispose]();
  expect(store.leases.list()).toEqual([]);
  makeOld();
  await store.care.collect({ cache: true });
  expect([...blobs, layer.folder].map((path) => existsSync(path))).toEqual([false, false, false, false, false]);
});

test("what is gone in the end is named, whatever took it", async () => {
  await using arrival = openArrival(store);
  await arrival.blobs.put("content");
  await store.blobs.remove(digestOf("content"));
  await expect(arrival.confirm()).rejects.toMatchObject({ code: "BLOB_UNKNOWN", message: expect.stringContaining(digestOf("content")) as string });
  await using layers = openArrival(store);
  await layers.expect({ chains: [digestOf("no layer")] });
  await expect(layers.confirm()).rejects.toMatchObject({ code: "SNAPSHOT_UNKNOWN", message: expect.stringContaining(digestOf("no layer")) as string });
});

test("a document that is there is taken again, so that what it names is looked for; a blob is not", async () => {
  await using arrival = openArrival(store);
  const manifest = { ...described("document"), mediaType: MEDIA_TYPE.manifest };
  await arrival.sink.push(manifest, once("document"));
  await arrival.sink.push(described("blob"), once("blob"));
  expect([await arrival.sink.has(manifest), await arrival.sink.has(described("blob"))]).toEqual([false, true]);
});
