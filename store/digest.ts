/** Digest: the name of a blob, `algorithm:encoded`. Spec: image-spec v1.1, descriptor.md, "Digests". */
import type { Hash } from "node:crypto";
import { StoreError } from "./errors.ts";

declare const checked: unique symbol;
export type Algorithm = "sha256" | "sha512";
export type Digest = `${Algorithm}:${string}` & { readonly [checked]: true };

const PATTERN = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

export function isDigest(text: string): text is Digest {
  return PATTERN.test(text);
}

/** @throws {StoreError} `DIGEST_INVALID` */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) throw new StoreError("DIGEST_INVALID", `Cannot read ${JSON.stringify(text)} as a digest`);
  return text;
}

export function algorithmOf(digest: Digest): Algorithm {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

/** The part after the colon. */
export function encodedOf(digest: Digest): string {
  return digest.slice(digest.indexOf(":") + 1);
}

export function digestOf(bytes: Uint8Array | string, algorithm: Algorithm = "sha256"): Digest {
  const { createHash } = process.getBuiltinModule("node:crypto"); // 9 ms to load, and many commands hash nothing
  return finish(createHash(algorithm).update(bytes), algorithm);
}

/** Closes `hash`, which cannot be used again. */
export function finish(hash: Hash, algorithm: Algorithm = "sha256"): Digest {
  return `${algorithm}:${hash.digest("hex")}` as Digest;
}
