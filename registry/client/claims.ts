/** What a manifest claims, held against what can be, before a byte of it is asked for. */
import { statfs } from "node:fs/promises";
import type { Descriptor, Manifest } from "../../store/oci.ts";
import { RegistryError } from "../errors.ts";
import type { PullStore } from "./pull-options.ts";

/** The kernel stacks no more under an overlay. */
const MAX_LAYERS = 500;
const MAX_CONFIG_BYTES = 4 << 20;
const MIB = 1 << 20;

/** @throws {RegistryError} `MANIFEST_INVALID`, `SIZE_INVALID` */
export function checkClaims({ digest }: Descriptor, { config, layers }: Manifest, place: string): void {
  if (layers.length > MAX_LAYERS)
    throw new RegistryError(
      "MANIFEST_INVALID",
      `Cannot pull ${digest} from ${place}: it has ${layers.length} layers, and more than ${MAX_LAYERS} cannot be stacked`,
    );
  if (config.size > MAX_CONFIG_BYTES)
    throw new RegistryError("SIZE_INVALID", `Cannot pull ${digest} from ${place}: its config ${config.digest} is said to have ${config.size} bytes`);
  const sizes = new Map<string, number>();
  for (const part of [config, ...layers]) {
    const known = sizes.get(part.digest) ?? part.size;
    if (known !== part.size)
      throw new RegistryError("SIZE_INVALID", `Cannot pull ${digest} from ${place}: ${part.digest} is given two sizes, ${known} and ${part.size}`);
    sizes.set(part.digest, known);
  }
}

/** A disk that cannot hold what is to come is not filled first. @throws {RegistryError} `SIZE_INVALID` */
export async function checkRoom({ root, blobs }: PullStore, manifests: readonly Manifest[], place: string): Promise<void> {
  const parts = new Map(manifests.flatMap(({ config, layers }) => [config, ...layers]).map((part) => [part.digest, part]));
  let needed = 0;
  for (const part of parts.values()) if ((await blobs.stat(part.digest)) === undefined) needed += part.size - blobs.begun(part.digest);
  const { bavail, bsize } = await statfs(root);
  const free = bavail * bsize;
  if (needed <= free) return;
  const [wanted, there] = [needed, free].map((bytes) => Math.ceil(bytes / MIB));
  throw new RegistryError("SIZE_INVALID", `Cannot pull from ${place}: its layers have ${wanted} MiB, and ${there} MiB are free for ${root}`, {
    hint: "Make room with 'strata system prune', or use another root",
  });
}
