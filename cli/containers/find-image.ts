/** The image of a container: from the store, pulled when it is missing (or always, as --pull says). */
import { RuntimeError } from "../../runtime/errors.ts";
import { StoreError } from "../../store/errors.ts";
import { formatPlatform, hostPlatform, platformOf } from "../../store/image/platform.ts";
import type { Platform } from "../../store/oci.ts";
import { familiarName, parseReference } from "../../store/reference.ts";
import type { Image } from "../../store/store.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { isFor, sayOther } from "../images/for-platform.ts";
import { visibleLine } from "../visible.ts";

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
    if (found !== undefined && (platform === undefined || isFor(found, platform))) return warned(context, found, options);
    if (found !== undefined && options.pull === "never") throw ofAnother(reference, found, platform!);
    if (options.pull === "never" && (await store.images.find(reference)) !== undefined) return await store.images.open(reference, platform); // which tells what platforms there are
    if (options.pull === "never") throw new RuntimeError("IMAGE_UNKNOWN", `No such image: ${familiarName(parseReference(reference).name)}`);
    if (options.quiet !== true) context.stderr.write(`Unable to find image '${reference}' locally\n`);
  }
  const { pullImage } = await import("../pull-image.ts");
  await pullImage(context, reference, { platform, refresh: true, progress: options.quiet === true ? undefined : context.stderr });
  const pulled = await store.images.open(reference, platform);
  if (platform !== undefined && !isFor(pulled, platform)) throw ofAnother(reference, pulled, platform);
  return warned(context, pulled, options);
}

function ofAnother(reference: string, { config }: Image, platform: Platform): RuntimeError {
  return new RuntimeError("IMAGE_UNKNOWN", sayOther(reference, platform, platformOf(config)));
}

/** As docker: it may run all the same, where the kernel is told how. */
function warned(context: Context, image: Image, { platform }: { readonly platform?: string }): Image {
  if (platform === undefined && !isFor(image, hostPlatform())) {
    const differs = `The requested image's platform (${formatPlatform(platformOf(image.config))}) does not match the detected host platform (${formatPlatform(hostPlatform())})`;
    context.stderr.write(`WARNING: ${visibleLine(differs)} and no specific platform was requested\n`);
  }
  return image;
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
