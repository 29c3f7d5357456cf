/** apk's record of what is installed: one letter a field, an empty line between packages. Spec: apk-tools, doc/apk.5 "installed". */
import type { FoundPackage } from "./package.ts";
import { distroOf, some, type Distribution } from "./parse-dpkg.ts";

export function parseApk(text: string, distribution: Distribution | undefined): readonly FoundPackage[] {
  return text.split(/\n\n+/).flatMap((block): readonly FoundPackage[] => {
    const fields = new Map<string, string>();
    for (const line of block.split("\n")) if (line[1] === ":" && !fields.has(line[0]!)) fields.set(line[0]!, line.slice(2).trim());
    const [name, version] = [fields.get("P"), fields.get("V")];
    if (name === undefined || version === undefined) return [];
    const origin = fields.get("o") ?? "";
    return [
      {
        type: "apk",
        namespace: distribution?.id ?? "alpine",
        name,
        version,
        qualifiers: { arch: fields.get("A") ?? "", upstream: origin === name ? "" : origin, distro: distroOf(distribution) },
        ...some("license", fields.get("L")),
        ...some("homepage", fields.get("U")),
        ...some("supplier", fields.get("m")),
        ...some("description", fields.get("T")),
      },
    ];
  });
}
