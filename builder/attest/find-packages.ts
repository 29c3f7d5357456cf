/** Every package that the records of dpkg, apk, npm, Python and Go programs tell of, with the layer that brought it. What cannot be read is said. */
import { parseFields } from "./fields.ts";
import { goModules } from "./go-build-info.ts";
import { packageUrl, type FoundPackage, type LocatedPackage } from "./package.ts";
import { parseApk } from "./parse-apk.ts";
import { parseDpkg, type Distribution } from "./parse-dpkg.ts";
import { parsePackageJson, parsePackageLock } from "./parse-npm.ts";
import { parsePythonMetadata } from "./parse-python.ts";
import { readVersion, type FileVersion, type SoftwareTree, type TreeFile } from "./software-tree.ts";

export interface FoundPackages {
  /** Sorted by package URL, then path. */
  readonly packages: readonly LocatedPackage[];
  /** In words: what was left out, and why. */
  readonly omitted: readonly string[];
}

interface Catalog {
  readonly matches: (path: string) => boolean;
  readonly parse: (text: string, distribution: Distribution | undefined) => readonly FoundPackage[];
  /** One file holds many packages: a layer that writes it again did not bring them all. */
  readonly isDatabase?: boolean;
}

const MAX_RECORD_BYTES = 64 << 20;

const CATALOGS: readonly Catalog[] = [
  { matches: (path) => path === "var/lib/dpkg/status", parse: parseDpkg, isDatabase: true },
  { matches: (path) => /^var\/lib\/dpkg\/status\.d\/[^/]+$/.test(path) && !path.endsWith(".md5sums"), parse: parseDpkg },
  { matches: (path) => /^(?:usr\/)?lib\/apk\/db\/installed$/.test(path), parse: parseApk, isDatabase: true },
  { matches: isPackageJson, parse: parsePackageJson },
  { matches: (path) => /(?:^|\/)package-lock\.json$/.test(path) && !path.includes("node_modules/"), parse: parsePackageLock, isDatabase: true },
  { matches: (path) => /\.dist-info\/METADATA$|\.egg-info\/PKG-INFO$|\.egg-info$/.test(path), parse: parsePythonMetadata },
];
const RPM = /^(?:var\/lib\/rpm|usr\/lib\/sysimage\/rpm)\/(?:Packages|Packages\.db|rpmdb\.sqlite)$/;
const OS_RELEASE = ["etc/os-release", "usr/lib/os-release"];

/** Which files to look for at all. */
export function tellsOfPackages(path: string, isExecutable: boolean): boolean {
  return isExecutable || RPM.test(path) || OS_RELEASE.includes(path) || CATALOGS.some(({ matches }) => matches(path));
}

export function findPackages(tree: SoftwareTree): FoundPackages {
  const omitted: string[] = [];
  const distribution = distributionOf(tree);
  const installed = new Set(tree.files.flatMap(({ path }) => /^(.*?)node_modules\//.exec(path)?.[1] ?? []));
  const packages: LocatedPackage[] = [];
  for (const file of tree.files) {
    if (RPM.test(file.path)) omitted.push(`/${file.path}: packages of rpm are not read`);
    const catalog = CATALOGS.find(({ matches }) => matches(file.path));
    if (catalog === undefined && file.isExecutable) packages.push(...goModules(file).map((found) => located(found, file, file.versions[0])));
    // What is installed beside a lock file is the truth.
    if (catalog === undefined || (catalog.parse === parsePackageLock && installed.has(file.path.replace(/package-lock\.json$/, "")))) continue;
    packages.push(...readCatalog(file, catalog, distribution, omitted));
  }
  const keyed = packages.map((found) => ({ found, key: `${packageUrl(found)} ${found.path}` }));
  const once = [...new Map(keyed.map((one) => [one.key, one])).values()];
  return { packages: once.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ found }) => found), omitted };
}

/** A package.json is that of a package when it lies where one is installed, or outside of all packages. */
function isPackageJson(path: string): boolean {
  if (!/(?:^|\/)package\.json$/.test(path)) return false;
  return !path.includes("node_modules/") || /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/@.][^/]*\/package\.json$/.test(path);
}

function readCatalog(file: TreeFile, catalog: Catalog, distribution: Distribution | undefined, omitted: string[]): readonly LocatedPackage[] {
  const [seen, ...older] = file.versions;
  const found = tryParse(seen, catalog, distribution);
  if (typeof found === "string") omitted.push(`/${file.path}: ${found}`);
  if (typeof found === "string") return [];
  if (catalog.isDatabase !== true || older.length === 0) return found.map((one) => located(one, file, seen));
  const origins = originsOf(found, seen, older, (version) => tryParse(version, catalog, distribution));
  return found.map((one) => located(one, file, origins.get(packageUrl(one)) ?? seen));
}

/** The lowest version of the database from which on every one tells of the package. */
function originsOf(
  found: readonly FoundPackage[],
  seen: FileVersion,
  older: readonly FileVersion[],
  parse: (version: FileVersion) => readonly FoundPackage[] | string,
): ReadonlyMap<string, FileVersion> {
  const origins = new Map(found.map((one) => [packageUrl(one), seen]));
  let lasting = new Set(origins.keys());
  for (const version of older) {
    const there = parse(version);
    if (typeof there === "string") break;
    const names = new Set(there.map(packageUrl));
    lasting = new Set([...lasting].filter((name) => names.has(name)));
    for (const name of lasting) origins.set(name, version);
  }
  return origins;
}

function tryParse(version: FileVersion, { parse }: Catalog, distribution: Distribution | undefined): readonly FoundPackage[] | string {
  const bytes = readVersion(version, MAX_RECORD_BYTES);
  if (bytes === undefined) return `longer than ${MAX_RECORD_BYTES} bytes, so not read`;
  try {
    return parse(bytes.toString("utf8"), distribution);
  } catch (error) {
    if (error instanceof SyntaxError) return "not JSON, so not read";
    throw error;
  }
}

function located(found: FoundPackage, { path }: TreeFile, { layer }: FileVersion): LocatedPackage {
  return { ...found, path, layer };
}

function distributionOf(tree: SoftwareTree): Distribution | undefined {
  const file = OS_RELEASE.map((path) => tree.files.find((candidate) => candidate.path === path)).find((candidate) => candidate !== undefined);
  const text = file === undefined ? undefined : readVersion(file.versions[0], MAX_RECORD_BYTES)?.toString("utf8");
  if (text === undefined) return undefined;
  const fields = parseFields(text.replaceAll(/^(\w+)=/gm, "$1: ").replaceAll(/\n\s*\n/g, "\n"));
  const value = (name: string): string => (fields.get(name) ?? "").replaceAll(/^["']|["']$/g, "");
  return value("id") === "" ? undefined : { id: value("id"), version: value("version_id") };
}
