/** What is said of an image: SBOMs, provenance, signatures. By the referrers API, by cosign's tags, by BuildKit's manifests in the index. */
import { encodedOf, type Digest } from "../../../store/digest.ts";
import type { Descriptor } from "../../../store/oci.ts";
import type { ReadManifest } from "./read-image.ts";
import type { PageSource } from "./source.ts";

export interface Said {
  readonly kind: string;
  readonly digest: Digest;
  /** What it is more exactly: a type, a file's name. */
  readonly detail: string;
  /** Of the manifest. */
  readonly size: number;
}

/** Shown at most; the API lists all. */
const MAX_SHOWN = 100;
const COSIGN: readonly (readonly [suffix: string, kind: string])[] = [
  [".sig", "Signature"],
  [".att", "Attestation"],
  [".sbom", "SBOM"],
];
const KINDS: readonly (readonly [pattern: RegExp, kind: string])[] = [
  [/spdx|cyclonedx|syft|sbom/i, "SBOM"],
  [/slsa|provenance/i, "Provenance"],
  [/vuln|sarif|openvex/i, "Vulnerabilities"],
  [/signature|cosign|sigstore|notary/i, "Signature"],
  [/in-toto|attestation/i, "Attestation"],
];

export async function saidOf(source: PageSource, name: string, { digest }: Pick<ReadManifest, "digest">): Promise<readonly Said[]> {
  const referrers = (await source.repositories.referrers(name, digest, { after: undefined, limit: MAX_SHOWN })).slice(0, MAX_SHOWN).map(saidBy);
  const cosign = await Promise.all(
    COSIGN.map(async ([suffix, kind]): Promise<readonly Said[]> => {
      const tag = `${digest.replace(":", "-")}${suffix}`;
      const found = await source.repositories.tag(name, tag);
      const link = found === undefined ? undefined : await source.repositories.manifest(name, found);
      return found === undefined || link === undefined
        ? []
        : [{ kind, digest: found, detail: `sha256-${encodedOf(digest).slice(0, 12)}…${suffix}`, size: link.size }];
    }),
  );
  return [...referrers, ...cosign.flat()];
}

/** BuildKit's, which stand in the index beside the image that they are about. */
export function saidInIndex({ manifests }: ReadManifest, image: Digest): readonly Said[] {
  return manifests
    .filter(({ annotations }) => annotations?.["vnd.docker.reference.digest"] === image)
    .map(({ digest, size, annotations }) => ({ kind: "Attestation", digest, detail: annotations?.["vnd.docker.reference.type"] ?? "", size }));
}

function saidBy({ digest, size, artifactType, annotations }: Descriptor): Said {
  const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
  const predicate = text(annotations?.["in-toto.io/predicate-type"]);
  const type = text(artifactType) ?? "";
  const title = text(annotations?.["org.opencontainers.image.title"]);
  return { kind: kindOf(predicate ?? "") ?? kindOf(type) ?? "Artifact", digest, detail: title ?? predicate ?? type, size };
}

function kindOf(type: string): string | undefined {
  return KINDS.find(([pattern]) => pattern.test(type))?.[1];
}
