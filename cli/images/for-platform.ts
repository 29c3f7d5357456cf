/** An image of the store and the platform that was asked for. */
import { formatPlatform, matches } from "../../store/image/platform.ts";
import type { Platform } from "../../store/oci.ts";
import type { Image } from "../../store/store.ts";

/** What an index lists for the platform is taken at its word. */
export function isFor({ target, descriptor, config }: Image, platform: Platform): boolean {
  return target.digest !== descriptor.digest || matches(config, platform);
}

/** That it is for another, in docker's words. */
export function sayOther(reference: string, wanted: Platform, actual: Platform): string {
  const found = `image with reference ${reference} was found but does not match the specified platform`;
  return `${found}: wanted ${formatPlatform(wanted)}, actual: ${formatPlatform(actual)}`;
}
