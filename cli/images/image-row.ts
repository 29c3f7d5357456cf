/** An image as rows of `images`, with docker's field names: one row a name. */
import type { Image, ImageRecord } from "../../store/store.ts";
import { familiarName, parseReference, repositoryOf } from "../../store/reference.ts";
import { ago, goTime } from "../containers/ages.ts";
import { decimalSize } from "../../store/decimal-size.ts";

export interface ImageRow {
  readonly Repository: string;
  readonly Tag: string;
  readonly Digest: string;
  readonly ID: string;
  readonly CreatedSince: string;
  readonly CreatedAt: string;
  readonly Size: string;
}

interface RowSource {
  readonly id: Image["id"];
  readonly size: number;
  readonly created: string;
  /** What registries know it by: `host/path@digest`. */
  readonly repoDigests: readonly string[];
}

export interface RowOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly truncate: boolean;
}

const SHORT_ID = 12;

/** `size` in bytes; `created` is an ISO 8601 date. */
export function imageRow({ name, target }: ImageRecord, { id, size, created, repoDigests }: RowSource, { now, truncate }: RowOptions): ImageRow {
  const familiar = name === undefined ? undefined : familiarName(name).replace(/@sha256:.*$/, "");
  const colon = familiar?.lastIndexOf(":") ?? -1;
  const isTagged = familiar !== undefined && colon > familiar.lastIndexOf("/");
  return {
    Repository: familiar === undefined ? "<none>" : isTagged ? familiar.slice(0, colon) : familiar,
    Tag: isTagged ? familiar.slice(colon + 1) : "<none>",
    Digest: digestIn(name, target.digest, repoDigests),
    ID: truncate ? id.slice("sha256:".length).slice(0, SHORT_ID) : id,
    CreatedSince: ago(created, now),
    CreatedAt: goTime(created),
    Size: decimalSize(size),
  };
}

/** An image has one only where a registry gave it one: in the repository of its name. */
function digestIn(name: string | undefined, own: string, repoDigests: readonly string[]): string {
  const repository = name === undefined ? undefined : repositoryOf(parseReference(name));
  const known = repoDigests.filter((one) => one.startsWith(`${repository}@`)).map((one) => one.slice(one.indexOf("@") + 1));
  return known.find((digest) => digest === own) ?? known[0] ?? "<none>";
}
