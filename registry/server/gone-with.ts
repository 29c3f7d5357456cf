/** Records that go with what a collection lets go of: a dry run tells by them what would be free then. */
import type { Dropped } from "./collect.ts";

/** A record is `<table>/<key>`. */
export function goneWith(dropped: readonly Dropped[]): (record: string) => boolean {
  const links = new Set(dropped.flatMap((one) => (one.kind === "repository" ? [] : [`registry.${one.kind}s/${one.repository}@${one.digest}`])));
  return (record) => links.has(record) || links.has(record.replace(/^registry\.referrers\/([^@]*)@[^@]*@/, "registry.manifests/$1@"));
}
