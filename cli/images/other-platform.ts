/** Whether an image that no list has is for another platform than was asked for. */
import { readDocument } from "../../store/image/copy.ts";
import { parseConfig, parseManifest } from "../../store/image/documents.ts";
import { matches, platformOf } from "../../store/image/platform.ts";
import { MEDIA_TYPE, type Platform } from "../../store/oci.ts";
import type { ContentSource } from "../../store/content.ts";

/** Undefined when it fits, or is no image: then nothing says what it is for. */
export async function otherPlatform(content: ContentSource, manifest: Uint8Array, wanted: Platform): Promise<Platform | undefined> {
  const { config } = parseManifest(manifest);
  if (config.mediaType !== MEDIA_TYPE.config && config.mediaType !== MEDIA_TYPE.dockerConfig) return undefined;
  const platform = platformOf(parseConfig(await readDocument(content, config)));
  return matches(platform, wanted) ? undefined : platform;
}
