/** The image of a container: from the store, pulled when it is missing (or always, as --pull says). */
import { RuntimeError } from "../../runtime/errors.ts";
import { StoreError } from "../../store/errors.ts";
import type { Platform } from "../../store/oci.ts";
import type { Image } from "../../store/store.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";

/** @throws {RuntimeError} `IMAGE_UNKNOWN` */
export async function findImage(
  context: Context,
  reference: string,
  options: { readonly pull: string; readonly platform?: string; readonly quiet?: boolean },
): Promise<Image> {
  if (!["always", "missing", "never"].includes(options.pull)) throw new UsageError(`invalid pull policy: ${JSON.stringify(options.pull)}`);
  const store = await context.store();
  const platform = options.platform === undefined ? undefined : parsePlatform(options.platform);
  if (options.pull !== "always") {
    const found = await openImage(store.images, reference, platform);
    if (found !== undefined) return found;
    if (options.pull === "never" && (await store.images.find(reference)) !== undefined) return await store.images.open(reference, platform); // which tells what platforms there are
    if (options.pull === "never") throw new RuntimeError("IMAGE_UNKNOWN", `Cannot find image ${JSON.stringify(reference)}: it is not in the store`);
    if (options.quiet !== true) context.stderr.write(`Unable to find image '${reference}' locally\n`);
  }
  const { pullImage } = await import("../pull-image.ts");
  await pullImage(context, reference, { platform, refresh: true, progress: options.quiet !== true });
  return await store.images.open(reference, platform);
}

async function openImage(
  images: Awaited<ReturnType<Context["store"]>>["images"],
  reference: string,
  platform: Platform | undefined,
): Promise<Image | undefined> {
  try {
    return await images.open(reference, platform);
  } catch (error) {
    if (error instanceof StoreError && (error.code === "IMAGE_UNKNOWN" || error.code === "PLATFORM_UNKNOWN")) return undefined;
    throw error;
  }
}

/** `os/architecture[/variant]`. @throws {UsageError} */
export function parsePlatform(text: string): Platform {
  const [os, architecture, variant] = text.split("/");
  if (os === undefined || architecture === undefined || os === "" || architecture === "") throw new UsageError(`invalid platform: ${JSON.stringify(text)}`);
  return { os, architecture, ...(variant !== undefined && { variant }) };
}
