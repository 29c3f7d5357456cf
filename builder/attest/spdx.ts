/**
 * Packages as an SPDX document: same packages, same bytes. Its name space is a digest of what it says, its time is the build's.
 * Spec: SPDX 2.3; BuildKit, docs/attestations/sbom.md ("layerID" in comments).
 */
import { createHash } from "node:crypto";
import { digestOf, encodedOf } from "../../store/digest.ts";
import type { FoundPackages } from "./find-packages.ts";
import { licenseExpression } from "./license.ts";
import { packageUrl, type LocatedPackage } from "./package.ts";
import { readVersion, type SoftwareTree, type TreeFile, type TreeLayer } from "./software-tree.ts";

export interface SpdxSubject {
  /** `image`, `stage build` or `context`. */
  readonly name: string;
  readonly purpose: "CONTAINER" | "SOURCE";
  /** Image id. */
  readonly version?: string;
}

export interface SpdxOptions {
  readonly subject: SpdxSubject;
  /** As `strata-1.2.3`. */
  readonly tool: string;
  /** Seconds since the epoch. */
  readonly created: number;
}

const NONE = "NOASSERTION";
const ROOT = "SPDXRef-Root";
const NAMESPACE = "https://spdx.org/spdxdocs/strata-";
const MAX_HASHED_BYTES = 256 << 20;
const MANAGERS: Readonly<Record<LocatedPackage["type"], string>> = {
  deb: "dpkg",
  apk: "apk",
  npm: "npm",
  pypi: "Python",
  golang: "Go build information",
};

export function spdxDocument(tree: SoftwareTree, { packages, omitted }: FoundPackages, { subject, tool, created }: SpdxOptions): object {
  const time = new Date(created * 1000).toISOString().replace(".000Z", "Z");
  const paths = new Set(packages.map(({ path }) => path));
  const files = tree.files.filter(({ path }) => paths.has(path));
  const body = {
    creationInfo: {
      created: time,
      creators: [`Tool: ${tool}`],
      ...(omitted.length === 0 ? {} : { comment: `Left out: ${omitted.join("; ")}` }),
    },
    packages: [rootPackage(subject), ...packages.map((found) => packageOf(found, tree.layers, { tool, time }))],
    ...(files.length === 0 ? {} : { files: files.map((file) => fileOf(file, tree.layers)) }),
    relationships: [
      relationship("SPDXRef-DOCUMENT", "DESCRIBES", ROOT),
      ...packages.map((found) => relationship(ROOT, "CONTAINS", packageId(found))),
      ...packages.map((found) => ({
        ...relationship(packageId(found), "OTHER", fileId(found.path)),
        comment: "evident-by: the file tells that the package is there",
      })),
    ],
  };
  const head = { spdxVersion: "SPDX-2.3", dataLicense: "CC0-1.0", SPDXID: "SPDXRef-DOCUMENT", name: subject.name };
  return { ...head, documentNamespace: `${NAMESPACE}${encodedOf(digestOf(JSON.stringify({ head, body })))}`, ...body };
}

function rootPackage({ name, purpose, version }: SpdxSubject): object {
  return {
    SPDXID: ROOT,
    name,
    ...(version === undefined ? {} : { versionInfo: version }),
    primaryPackagePurpose: purpose,
    ...unknowns(),
  };
}

function packageOf(found: LocatedPackage, layers: readonly TreeLayer[], { tool, time }: { readonly tool: string; readonly time: string }): object {
  const { namespace, name, type, version, license, homepage, description, supplier, path } = found;
  const layer = found.layer === undefined ? undefined : layers[found.layer];
  const expression = license === undefined ? undefined : licenseExpression(license);
  return {
    SPDXID: packageId(found),
    name: namespace !== undefined && (type === "npm" || type === "golang") ? `${namespace}/${name}` : name,
    ...(version === "" ? {} : { versionInfo: version }),
    ...(supplier === undefined ? {} : { supplier: supplierOf(type, supplier) }),
    ...unknowns(),
    ...(expression === undefined ? {} : { licenseDeclared: expression }),
    ...(license === undefined || expression !== undefined ? {} : { licenseComments: `Declared as: ${license}` }),
    ...(homepage !== undefined && /^https?:\/\/[^\s]+$/.test(homepage) ? { homepage } : {}),
    ...(description === undefined ? {} : { description }),
    sourceInfo: `acquired package info from ${MANAGERS[type]}: /${path}`,
    externalRefs: [{ referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: packageUrl(found) }],
    ...(layer === undefined ? {} : { comment: layerComment(layer), annotations: [originOf(found.layer!, layers, { tool, time })] }),
  };
}

/** What is unknown has to be said to be so. */
function unknowns(): object {
  return { downloadLocation: NONE, filesAnalyzed: false, licenseConcluded: NONE, licenseDeclared: NONE, copyrightText: NONE };
}

/** Which instruction's layer brought it. */
function originOf(index: number, layers: readonly TreeLayer[], { tool, time }: { readonly tool: string; readonly time: string }): object {
  const instruction = layers[index]?.instruction ?? "";
  return {
    annotationDate: time,
    annotationType: "OTHER",
    annotator: `Tool: ${tool}`,
    comment: `Layer ${index + 1} of ${layers.length}${instruction === "" ? "" : `: ${instruction}`}`,
  };
}

function layerComment({ diffID }: TreeLayer): string {
  return `layerID: ${diffID}`;
}

function supplierOf(type: LocatedPackage["type"], text: string): string {
  const organisation = type === "deb" || type === "apk" ? /\b(?:team|maintainers|developers|group|project|list|packages)\b/i.test(text) : false;
  return `${organisation ? "Organization" : "Person"}: ${text.replace(/\s*<([^>]*)>.*$/s, " ($1)").trim()}`;
}

function fileOf(file: TreeFile, layers: readonly TreeLayer[]): object {
  const [version] = file.versions;
  const bytes = readVersion(version, MAX_HASHED_BYTES) ?? Buffer.alloc(0);
  const layer = version.layer === undefined ? undefined : layers[version.layer];
  return {
    SPDXID: fileId(file.path),
    fileName: `./${file.path}`,
    checksums: (["sha1", "sha256"] as const).map((algorithm) => ({
      algorithm: algorithm.toUpperCase(),
      checksumValue: createHash(algorithm).update(bytes).digest("hex"),
    })),
    licenseConcluded: NONE,
    copyrightText: NONE,
    ...(layer === undefined ? {} : { comment: layerComment(layer) }),
  };
}

function relationship(from: string, type: string, to: string): Readonly<Record<string, string>> {
  return { spdxElementId: from, relationshipType: type, relatedSpdxElement: to };
}

/** Letters, digits, dots and hyphens only. */
function packageId(found: LocatedPackage): string {
  return `SPDXRef-Package-${found.type}-${found.name.replaceAll(/[^A-Za-z0-9.-]/g, "-")}-${short(`${packageUrl(found)} ${found.path}`)}`;
}

function fileId(path: string): string {
  return `SPDXRef-File-${path.slice(path.lastIndexOf("/") + 1).replaceAll(/[^A-Za-z0-9.-]/g, "-")}-${short(path)}`;
}

function short(text: string): string {
  return encodedOf(digestOf(text)).slice(0, 16);
}
