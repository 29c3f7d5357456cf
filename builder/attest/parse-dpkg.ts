/** dpkg's records: /var/lib/dpkg/status, and status.d of images without dpkg. Spec: Debian policy, chapter 5; dpkg-query(1). */
import { paragraphs, parseFields } from "./fields.ts";
import type { FoundPackage } from "./package.ts";

export interface Distribution {
  /** ID of os-release. */
  readonly id: string;
  readonly version: string;
}

/** Only what is installed: of a removed package dpkg remembers the configuration. */
export function parseDpkg(text: string, distribution: Distribution | undefined): readonly FoundPackage[] {
  return paragraphs(text).flatMap((paragraph): readonly FoundPackage[] => {
    const fields = parseFields(paragraph);
    const [name, version, status] = [fields.get("package"), fields.get("version"), fields.get("status")];
    if (name === undefined || version === undefined || (status !== undefined && !/\sinstalled$/.test(status))) return [];
    const [, source = "", sourceVersion] = /^(\S+)(?:\s+\(([^)]+)\))?/.exec(fields.get("source") ?? "") ?? [];
    const upstream =
      source === "" || (source === name && sourceVersion === undefined) ? "" : sourceVersion === undefined ? source : `${source}@${sourceVersion}`;
    return [
      {
        type: "deb",
        namespace: distribution?.id ?? "debian",
        name,
        version,
        qualifiers: { arch: fields.get("architecture") ?? "", upstream, distro: distroOf(distribution) },
        ...some("homepage", fields.get("homepage")),
        ...some("supplier", fields.get("maintainer")),
        ...some("description", fields.get("description")?.split("\n", 1)[0]),
      },
    ];
  });
}

export function distroOf(distribution: Distribution | undefined): string {
  return distribution === undefined ? "" : [distribution.id, distribution.version].filter((part) => part !== "").join("-");
}

/** A field that is there only with a value. */
export function some<Key extends string>(key: Key, value: string | undefined): Partial<Record<Key, string>> {
  return value === undefined || value === "" ? {} : ({ [key]: value } as Record<Key, string>);
}
