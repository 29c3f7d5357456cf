/** Where `copy` reads and writes, as skopeo spells it: `transport:details`; a bare reference is an image of the store. */
import { UsageError } from "../errors.ts";
import { refuseWeb } from "../registry/remote-name.ts";

export type Place =
  | { readonly kind: "store"; readonly reference: string }
  | { readonly kind: "docker"; readonly reference: string }
  /** An OCI layout. */
  | { readonly kind: "oci"; readonly path: string; readonly name: string | undefined }
  | ArchivePlace
  /** skopeo's plain folder of one image. */
  | { readonly kind: "dir"; readonly path: string };

/** A tar: an OCI layout, or docker's. */
export interface ArchivePlace {
  readonly kind: "oci-archive" | "docker-archive";
  readonly path: string;
  readonly name: string | undefined;
}

/** Skopeo's other transports, and how their images get here. */
const OTHERS: Readonly<Record<string, string>> = {
  "containers-storage": "'podman save --format oci-archive -o FILE IMAGE' writes one that oci-archive:FILE reads",
  "docker-daemon": "'docker save -o FILE IMAGE' writes one that docker-archive:FILE reads",
  ostree: "",
  sif: "",
  tarball: "'strata import FILE NAME' makes an image of a tar",
  atomic: "",
};

/** @throws {UsageError} */
export function parsePlace(text: string): Place {
  const [, other = ""] = /^([a-z-]+):/.exec(text) ?? [];
  if (Object.hasOwn(OTHERS, other)) {
    const known = "docker://REF, oci:, oci-archive:, docker-archive:, dir: and store:";
    const way = OTHERS[other] === "" ? "" : `\n${OTHERS[other]}`;
    throw new UsageError(`Cannot copy ${JSON.stringify(text)}: ${other}: is no transport of strata, which has ${known}${way}`);
  }
  refuseWeb(text, "copy");
  const match = /^(docker|store|oci|oci-archive|docker-archive|dir):(.*)$/s.exec(text);
  if (match === null) return { kind: "store", reference: text };
  const [, kind = "", details = ""] = match;
  if (details === "") throw new UsageError(`Cannot copy ${JSON.stringify(text)}: nothing is named after ${kind}:`);
  switch (kind) {
    case "docker":
      if (!details.startsWith("//")) throw new UsageError(`Cannot copy ${JSON.stringify(text)}: write docker://REFERENCE`);
      return { kind, reference: details.slice(2) };
    case "store":
      return { kind, reference: details };
    case "dir":
      return { kind, path: details };
    default: {
      const colon = details.indexOf(":");
      const [path, name] = colon < 0 ? [details, undefined] : [details.slice(0, colon), details.slice(colon + 1)];
      return { kind: kind as "oci" | "oci-archive" | "docker-archive", path, name: name === "" ? undefined : name };
    }
  }
}
