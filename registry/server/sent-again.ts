/** A blob that the repository holds costs nothing when it is sent again: where it does not fit twice it is compared, and not stored. */
import { createHash } from "node:crypto";
import type { Request } from "../../http/message.ts";
import { algorithmOf, type Digest } from "../../store/digest.ts";
import { RegistryError } from "../errors.ts";
import type { Parts } from "./parts.ts";
import type { Claim } from "./quota-room.ts";

export interface Sent {
  readonly request: Request;
  readonly name: string;
  readonly digest: Digest;
}

/** Claims room for the body. True when there is none, and the body was read and is what the repository holds. @throws {RegistryError} `DENIED`, `DIGEST_INVALID` */
export async function isSentAgain({ blobs, repositories, linkBlob }: Parts, { request, name, digest }: Sent, claim: Pick<Claim, "reach">): Promise<boolean> {
  const length = request.headers["content-length"];
  try {
    await claim.reach(Number(length ?? (await repositories.blob(name, digest))?.size ?? 0));
    return false;
  } catch (error) {
    if (!(error instanceof RegistryError && error.code === "DENIED")) throw error;
    const link = await repositories.blob(name, digest);
    if (link === undefined || !(await blobs.has({ digest, size: link.size, mediaType: "" }))) throw error;
    await compare(request.body, digest, link.size);
    await linkBlob(name, digest, link.size);
    return true;
  }
}

async function compare(body: AsyncIterable<Uint8Array>, digest: Digest, size: number): Promise<void> {
  const hash = createHash(algorithmOf(digest));
  let read = 0;
  for await (const chunk of body) {
    read += chunk.length;
    if (read > size) break;
    hash.update(chunk);
  }
  const found = `${algorithmOf(digest)}:${hash.digest("hex")}`;
  if (read > size || found !== digest) throw new RegistryError("DIGEST_INVALID", `Cannot store the blob as ${digest}: what was sent is another`);
}
