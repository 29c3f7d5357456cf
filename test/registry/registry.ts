/** A registry of strata that really listens, on a root of its own. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CertificateFiles } from "../../http/watched-certificate.ts";
import { openStore } from "../../store/open.ts";
import { digestOf, type Digest } from "../../store/digest.ts";
import { MEDIA_TYPE, type Descriptor } from "../../store/oci.ts";
import type { Store } from "../../store/store.ts";
import { storeStorage, type Storage } from "../../registry/storage.ts";
import { listenRegistry, type RegistryListenOptions } from "../../registry/server/listen.ts";
import { temporaryRoot, treeTool } from "../support/root.ts";

export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:<port>` */
  readonly host: string;
  readonly url: string;
  readonly store: Store;
  /** Where its content is: the store, unless told. */
  readonly storage: Storage;
  /** What it logged. */
  readonly lines: readonly string[];
}

let instead: Storage | undefined;

/** Registries that are started afterwards keep their content there: how a file of tests is run again over other storage. */
export function keepContentIn(storage: Storage): void {
  instead = storage;
}

export async function startRegistry(options: Partial<RegistryListenOptions> = {}): Promise<TestRegistry> {
  const root = temporaryRoot();
  const store = await openStore({ root: root.root, treeTool });
  const lines: string[] = [];
  const storage = options.storage ?? instead ?? storeStorage(store);
  const listener = await listenRegistry({ host: "127.0.0.1", port: 0, log: (line) => lines.push(line), ...options, storage });
  return {
    host: `127.0.0.1:${listener.port}`,
    url: listener.url,
    store,
    storage,
    lines,
    async [Symbol.asyncDispose](): Promise<void> {
      await listener.close(0);
      await store[Symbol.asyncDispose]();
      root[Symbol.dispose]();
    },
  };
}

export interface TestBlob {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** Bytes that repeat nothing, the same for the same seed. */
export function noise(size: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(size);
  let state = seed * 2_654_435_761;
  for (let at = 0; at < size; at += 1) {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

export function blob(bytes: Buffer | string, mediaType: string = MEDIA_TYPE.layerTar): TestBlob {
  const content = Buffer.from(bytes);
  return { descriptor: { mediaType, digest: digestOf(content), size: content.length }, bytes: content };
}

/** An image manifest of these blobs. */
export function manifestOf(config: TestBlob, layers: readonly TestBlob[], more: Readonly<Record<string, unknown>> = {}): TestBlob {
  const document = { schemaVersion: 2, mediaType: MEDIA_TYPE.manifest, config: config.descriptor, layers: layers.map(({ descriptor }) => descriptor), ...more };
  return blob(JSON.stringify(document), (more["mediaType"] as string | undefined) ?? MEDIA_TYPE.manifest);
}

export async function pushBlob({ url }: Pick<TestRegistry, "url">, name: string, { bytes, descriptor }: TestBlob): Promise<Response> {
  return await fetch(`${url}/v2/${name}/blobs/uploads/?digest=${encodeURIComponent(descriptor.digest)}`, { method: "POST", body: new Uint8Array(bytes) });
}

export async function putManifest({ url }: Pick<TestRegistry, "url">, name: string, reference: string, { bytes, descriptor }: TestBlob): Promise<Response> {
  return await fetch(`${url}/v2/${name}/manifests/${reference}`, {
    method: "PUT",
    headers: { "content-type": descriptor.mediaType },
    body: new Uint8Array(bytes),
  });
}

/** A small image, pushed as `name:tag`. Returns the manifest. */
export async function pushImage(
  registry: Pick<TestRegistry, "url">,
  name: string,
  tag: string,
  more: Readonly<Record<string, unknown>> = {},
): Promise<TestBlob> {
  const config = blob(JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [] } }), MEDIA_TYPE.config);
  const layer = blob(noise(2_000));
  const manifest = manifestOf(config, [layer], more);
  for (const part of [config, layer]) await pushBlob(registry, name, part);
  const reply = await putManifest(registry, name, tag, manifest);
  if (reply.status !== 201) throw new Error(`push of ${name}:${tag} gave ${reply.status}: ${await reply.text()}`);
  return manifest;
}

/** The pair as files of a folder of their own, the way a server takes it. */
export function certificateFiles(folder: string, pair: { readonly certificate: string; readonly key: string }): CertificateFiles {
  const own = join(folder, "tls");
  mkdirSync(own);
  const files = { certificate: join(own, "server.crt"), key: join(own, "server.key") };
  writeFileSync(files.certificate, pair.certificate);
  writeFileSync(files.key, pair.key, { mode: 0o600 });
  return files;
}

/** A digest of nothing that is stored. */
export function unknownDigest(text = "nothing"): Digest {
  return digestOf(text);
}

/** What a store's root holds that is neither whole nor a process's mark that it is at work. */
export function unfinished(root: string): readonly string[] {
  return readdirSync(join(root, "ingest")).filter((name) => !name.endsWith(".writer"));
}
