/** An image that is no list is for one platform: its config says which. What a list says is taken at its word. */
import { blaming } from "../../registry/client/blame.ts";
import { StoreError } from "../../store/errors.ts";
import { readDocument } from "../../store/image/copy.ts";
import { isIndex } from "../../store/image/documents.ts";
import { formatPlatform } from "../../store/image/platform.ts";
import type { Platform } from "../../store/oci.ts";
import { otherPlatform } from "../images/other-platform.ts";
import type { CopySource } from "./source.ts";

/** @throws {StoreError} `PLATFORM_UNKNOWN` */
export async function checkPlatform({ content, top, place }: CopySource, wanted: Platform): Promise<void> {
  if (isIndex(top)) return;
  const other = await blaming(place, top, async () => await otherPlatform(content, await readDocument(content, top), wanted), "copy");
  if (other === undefined) return;
  throw new StoreError("PLATFORM_UNKNOWN", `Cannot copy ${place} for ${formatPlatform(wanted)}: it is for ${formatPlatform(other)} alone`, {
    hint: "Leave out --platform to copy it as it is",
  });
}
