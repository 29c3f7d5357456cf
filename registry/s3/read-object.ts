/** An object as a stream that goes on after the connection broke: what is read is named by its content and does not change. */
import { RegistryError } from "../errors.ts";
import type { ByteRange } from "../../store/content.ts";
import type { Bucket } from "./bucket.ts";

/** Breaks without a byte in between. */
const MAX_BREAKS = 5;

/** @throws {RegistryError} `BLOB_UNKNOWN` on the first step, `STORAGE_FAILED` */
export async function* readObject(bucket: Bucket, key: string, range?: ByteRange): AsyncGenerator<Uint8Array> {
  let at = range?.start ?? 0;
  if (range !== undefined && range.end <= range.start) return;
  for (let breaks = 0; ; breaks += 1) {
    const body = await bucket.stream(key, at === 0 && range === undefined ? undefined : { start: at, end: range?.end });
    if (body === undefined) throw new RegistryError("BLOB_UNKNOWN", `Cannot read ${key}: it is not in the bucket`);
    try {
      for await (const chunk of body) {
        const bytes = chunk as Uint8Array;
        at += bytes.length;
        breaks = 0;
        yield bytes;
      }
      return;
    } catch (cause) {
      if (breaks >= MAX_BREAKS) throw new RegistryError("STORAGE_FAILED", `Cannot read ${key}: the bucket's service breaks off`, { cause });
    }
  }
}
