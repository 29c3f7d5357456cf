/** A package as a package manager's records tell it, and its package URL. Spec: package-url, purl-spec, "purl components". */

export interface FoundPackage {
  /** Of the package URL. */
  readonly type: "deb" | "apk" | "npm" | "pypi" | "golang";
  readonly namespace?: string;
  readonly name: string;
  readonly version: string;
  readonly qualifiers?: Readonly<Record<string, string>>;
  /** As the records spell it. */
  readonly license?: string;
  readonly homepage?: string;
  readonly supplier?: string;
  readonly description?: string;
}

export interface LocatedPackage extends FoundPackage {
  /** The file that tells of it, without leading slash. */
  readonly path: string;
  /** Index of the layer that brought it. */
  readonly layer: number | undefined;
}

export function packageUrl({ type, namespace, name, version, qualifiers = {} }: FoundPackage): string {
  const path = [...(namespace === undefined ? [] : namespace.split("/")), ...name.split("/")].map(encodeURIComponent).join("/");
  const query = Object.entries(qualifiers)
    .filter(([, value]) => value !== "")
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${encodeURIComponent(value)}`)
    .join("&");
  return `pkg:${type}/${path}${version === "" ? "" : `@${encodeURIComponent(version)}`}${query === "" ? "" : `?${query}`}`;
}
