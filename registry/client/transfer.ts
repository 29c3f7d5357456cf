/** Everything that a manifest names, from one place to another, children first: what is at the target is always whole. */
import { digestOf, algorithmOf } from "../../store/digest.ts";
import type { Descriptor } from "../../store/oci.ts";
import type { ContentSink, ContentSource } from "../../store/store.ts";
import { RegistryError } from "../errors.ts";
import { limit, type Limit } from "./limit.ts";
import { isManifest, type Fetched } from "./repository.ts";

const PARALLEL = 4;
const MAX_MANIFEST_BYTES = 4 << 20;

interface Document {
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
}

/** All of `top` but its own bytes, which the caller stores under a name. Idempotent. */
export async function transfer(from: ContentSource, to: ContentSink, top: Fetched, turn: Limit = limit(PARALLEL)): Promise<void> {
  const { config, layers = [], manifests = [] } = JSON.parse(Buffer.from(top.bytes).toString("utf8")) as Document;
  const blobs = [...(config === undefined ? [] : [config]), ...layers.filter(({ urls }) => urls === undefined || urls.length === 0)];
  await Promise.all(
    blobs.map(
      async (blob) =>
        await turn(async () => {
          if (!(await to.has(blob))) await to.push(blob, from.fetch(blob));
        }),
    ),
  );
  for (const manifest of manifests.filter(isManifest)) {
    const child = await readWhole(from, manifest);
    await transfer(from, to, child, turn);
    await to.push(manifest, once(child.bytes));
  }
}

async function readWhole(from: ContentSource, descriptor: Descriptor): Promise<Fetched> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of from.fetch(descriptor)) {
    size += chunk.length;
    if (size > MAX_MANIFEST_BYTES) throw new RegistryError("MANIFEST_TOO_LARGE", `Cannot copy ${descriptor.digest}: it is longer than ${MAX_MANIFEST_BYTES} bytes`);
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  if (digestOf(bytes, algorithmOf(descriptor.digest)) !== descriptor.digest) throw new RegistryError("DIGEST_INVALID", `Cannot copy ${descriptor.digest}: its content is another`);
  return { descriptor, bytes };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
