/** Python's records: METADATA of a wheel, PKG-INFO of an egg. Spec: packaging.python.org, "Core metadata specifications". */
import { parseFields } from "./fields.ts";
import type { FoundPackage } from "./package.ts";
import { some } from "./parse-dpkg.ts";

export function parsePythonMetadata(text: string): readonly FoundPackage[] {
  const fields = parseFields(text.replaceAll("\r\n", "\n"));
  const [name, version] = [fields.get("name"), fields.get("version")];
  if (name === undefined || name === "" || version === undefined || version === "") return [];
  const license = [fields.get("license-expression"), fields.get("license")].find((value) => value !== undefined && value !== "" && value !== "UNKNOWN");
  return [
    {
      type: "pypi",
      name: name.toLowerCase().replaceAll("_", "-"),
      version,
      ...some("license", license?.includes("\n") === true ? undefined : license), // else it is the whole text
      ...some("homepage", known(fields.get("home-page"))),
      ...some("supplier", known(fields.get("author"))),
      ...some("description", known(fields.get("summary"))),
    },
  ];
}

function known(value: string | undefined): string | undefined {
  return value === "UNKNOWN" ? undefined : value;
}
