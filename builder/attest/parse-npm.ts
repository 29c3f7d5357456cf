/** npm's records: a package.json of each package, or what a package-lock.json pins. Spec: npm docs, package.json, package-lock.json. */
import type { FoundPackage } from "./package.ts";
import { some } from "./parse-dpkg.ts";

type Json = Readonly<Record<string, unknown>>;

/** @throws {SyntaxError} */
export function parsePackageJson(text: string): readonly FoundPackage[] {
  return npmPackage(asRecord(JSON.parse(text)));
}

/** All that it pins, other than links to folders and the project itself. @throws {SyntaxError} */
export function parsePackageLock(text: string): readonly FoundPackage[] {
  const lock = asRecord(JSON.parse(text));
  const { packages, dependencies } = lock;
  if (packages !== undefined) {
    return Object.entries(asRecord(packages)).flatMap(([path, value]) => {
      const entry = asRecord(value);
      const name = entry["name"] ?? path.split("node_modules/").at(-1);
      return path === "" || !path.includes("node_modules/") || entry["link"] === true ? [] : npmPackage({ ...entry, name });
    });
  }
  return [...oldDependencies(asRecord(dependencies))];
}

/** lockfileVersion 1: a tree by name. */
function* oldDependencies(dependencies: Json): Iterable<FoundPackage> {
  for (const [name, value] of Object.entries(dependencies)) {
    const entry = asRecord(value);
    yield* npmPackage({ ...entry, name });
    yield* oldDependencies(asRecord(entry["dependencies"]));
  }
}

function npmPackage({ name: full, version, license, licenses, homepage, author, description }: Json): readonly FoundPackage[] {
  if (typeof full !== "string" || full === "" || typeof version !== "string" || version === "") return [];
  const slash = full.startsWith("@") ? full.indexOf("/") : -1;
  return [
    {
      type: "npm",
      ...(slash < 0 ? {} : { namespace: full.slice(0, slash) }),
      name: full.slice(slash + 1),
      version,
      ...some("license", licenseOf(license ?? licenses)),
      ...some("homepage", textOf(homepage)),
      ...some("supplier", textOf(author) ?? textOf(asRecord(author)["name"])),
      ...some("description", textOf(description)),
    },
  ];
}

/** A text, an object of the old form, or a list of them. */
function licenseOf(value: unknown): string | undefined {
  if (!Array.isArray(value)) return textOf(value) ?? textOf(asRecord(value)["type"]);
  const all = value.flatMap((item) => licenseOf(item) ?? []);
  return all.length === 0 ? undefined : all.join(" OR ");
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function asRecord(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}
