/** Media types of layers, and the compression that each means. Spec: image-spec v1.1, layer.md; docker image manifest v2.2. */
import { StoreError } from "../errors.ts";
import { MEDIA_TYPE } from "../oci.ts";
import type { Compression } from "../store.ts";

const OCI_TYPES: Readonly<Record<Compression, string>> = { none: MEDIA_TYPE.layerTar, gzip: MEDIA_TYPE.layerGzip, zstd: MEDIA_TYPE.layerZstd };
const DOCKER_TAR = "application/vnd.docker.image.rootfs.diff.tar";
const DOCKER_TYPES: Readonly<Record<Compression, string>> = { none: DOCKER_TAR, gzip: MEDIA_TYPE.dockerLayer, zstd: `${DOCKER_TAR}.zstd` };

export function layerMediaType(compression: Compression, isDocker = false): string {
  return (isDocker ? DOCKER_TYPES : OCI_TYPES)[compression];
}

/** @throws {StoreError} `UNSUPPORTED` */
export function compressionOf(mediaType: string): Compression {
  if (mediaType === MEDIA_TYPE.layerTar || mediaType.endsWith(".tar")) return "none";
  if (mediaType === MEDIA_TYPE.dockerLayer || /[.+]gzip$/.test(mediaType)) return "gzip";
  if (/[.+]zstd$/.test(mediaType)) return "zstd";
  throw new StoreError("UNSUPPORTED", `Cannot unpack a layer of media type ${mediaType}: it is neither tar, gzip nor zstd`);
}
