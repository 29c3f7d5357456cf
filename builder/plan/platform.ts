/** Platforms as the builder is told them. */
import { parsePlatform as parse } from "../../store/image/platform.ts";
import type { Platform } from "../../store/oci.ts";
import { BuilderError } from "../errors.ts";

/** @throws {BuilderError} `FLAG_INVALID` */
export function parsePlatform(text: string): Platform {
  const platform = parse(text);
  if (platform === undefined) throw new BuilderError("FLAG_INVALID", `Cannot read ${JSON.stringify(text)} as a platform: expected os/arch[/variant]`);
  return platform;
}
