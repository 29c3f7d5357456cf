/** A statement about images: who is meant, and what is said. Spec: in-toto attestation framework v1, "Statement". */
import { algorithmOf, encodedOf, type Digest } from "../../store/digest.ts";
import { formatPlatform } from "../../store/image/platform.ts";
import type { Platform } from "../../store/oci.ts";
import { familiarName, parseReference } from "../../store/reference.ts";

export const PREDICATE = {
  spdx: "https://spdx.dev/Document",
  slsa1: "https://slsa.dev/provenance/v1",
  slsa02: "https://slsa.dev/provenance/v0.2",
} as const;

export interface StatementSubject {
  readonly digest: Digest;
  readonly names: readonly string[];
  readonly platform: Platform;
}

/** The bytes, as they are stored. */
export function statementOf({ digest, names, platform }: StatementSubject, predicateType: string, predicate: object): string {
  const digests = { [algorithmOf(digest)]: encodedOf(digest) };
  const all = names.length === 0 ? ["_"] : [...new Set(names)].sort().map((name) => imageUrl(name, platform));
  const type = predicateType === PREDICATE.slsa02 ? "https://in-toto.io/Statement/v0.1" : "https://in-toto.io/Statement/v1";
  return JSON.stringify({ _type: type, predicateType, subject: all.map((name) => ({ name, digest: digests })), predicate });
}

/** `pkg:docker/alpine@3.18?platform=linux%2Famd64`, as BuildKit spells an image. */
export function imageUrl(reference: string, platform: Platform): string {
  const { domain, path, tag, digest } = parseReference(reference);
  const name = familiarName(`${domain}/${path}`);
  const version = tag ?? (digest === undefined ? "latest" : undefined);
  const query = [...(digest === undefined ? [] : [`digest=${encodeURIComponent(digest)}`]), `platform=${encodeURIComponent(formatPlatform(platform))}`];
  return `pkg:docker/${name.split("/").map(encodeURIComponent).join("/")}${version === undefined ? "" : `@${encodeURIComponent(version)}`}?${query.join("&")}`;
}
