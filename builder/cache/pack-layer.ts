/** A layer as a blob, compressed as an export asks for. */
import { createGzip } from "node:zlib";
import { pipeline } from "node:stream";
import { spawn } from "node:child_process";
import { MEDIA_TYPE, type Descriptor } from "../../store/oci.ts";
import type { ChainID, Store } from "../../store/store.ts";
import { BuilderError } from "../errors.ts";
import type { CacheTarget } from "./storage.ts";

/** Without a level, the blob that a push of the image sends too: nothing is stored or sent twice. */
export async function packLayer(store: Store, chain: ChainID, { compression, level }: Pick<CacheTarget, "compression" | "level">): Promise<Descriptor> {
  if (level === undefined || compression === "none") return await store.snapshots.blob(chain, compression);
  const tar = store.snapshots.tar(chain);
  const packed = compression === "gzip" ? pipeline(tar, createGzip({ level }), () => undefined) : throughZstd(tar, level);
  const { digest, size } = await store.blobs.ingest(packed);
  return { mediaType: compression === "gzip" ? MEDIA_TYPE.layerGzip : MEDIA_TYPE.layerZstd, digest, size };
}

/** Node 20 has no zstd of its own. */
async function* throughZstd(content: AsyncIterable<Uint8Array>, level: number): AsyncIterable<Uint8Array> {
  const child = spawn("zstd", ["-c", "-q", "--ultra", `-${level}`], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on("close", resolve);
    child.on("error", (cause) => reject(new BuilderError("UNSUPPORTED", "Cannot pack a layer with zstd: the program is not installed", { cause })));
  });
  ended.catch(() => undefined);
  pipeline(content, child.stdin, () => undefined);
  yield* child.stdout as AsyncIterable<Uint8Array>;
  if ((await ended) !== 0) throw new BuilderError("UNSUPPORTED", "Cannot pack a layer with zstd: the program failed");
}
