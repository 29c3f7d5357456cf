/** The text of a lock file: sorted YAML, one line for each thing. */
import { parse, stringify } from "yaml";
import { BuilderError } from "../errors.ts";
import type { PinKind } from "./pins.ts";

export type Pinned = Readonly<Record<PinKind, ReadonlyMap<string, string>>>;

export const KINDS: readonly PinKind[] = ["images", "urls", "git"];

const VERSION = 1;
const VALUES: Readonly<Record<PinKind, RegExp>> = {
  images: /^sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})$/,
  urls: /^sha256:[0-9a-f]{64}$/,
  git: /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/,
};
const HEADER =
  "# What this Dockerfile takes from elsewhere, pinned by 'strata build --lock'.\n# Keep it with the Dockerfile; 'strata build --lock-update' renews it.\n";

export function formatLock(pinned: Pinned): string {
  const sections = KINDS.filter((kind) => pinned[kind].size > 0).map((kind) => [
    kind,
    Object.fromEntries([...pinned[kind]].sort(([a], [b]) => (a < b ? -1 : 1))),
  ]);
  return HEADER + stringify({ version: VERSION, ...Object.fromEntries(sections) }, { lineWidth: 0 });
}

/** @throws {BuilderError} `LOCK_BROKEN` */
export function parseLock(text: string, file: string): Pinned {
  const document = readYaml(text, file);
  const { version, ...sections } = document;
  if (version !== VERSION) throw broken(file, `its version is ${JSON.stringify(version)}, this program knows ${VERSION}`);
  for (const name of Object.keys(sections))
    if (!KINDS.some((kind) => kind === name)) throw broken(file, `${JSON.stringify(name)} is none of ${KINDS.join(", ")}`);
  return { images: readSection("images", sections, file), urls: readSection("urls", sections, file), git: readSection("git", sections, file) };
}

function readYaml(text: string, file: string): Readonly<Record<string, unknown>> {
  let document: unknown;
  try {
    document = parse(text, { maxAliasCount: 0 });
  } catch (error) {
    throw broken(file, error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error));
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) throw broken(file, "it is no map");
  return document as Readonly<Record<string, unknown>>;
}

function readSection(kind: PinKind, sections: Readonly<Record<string, unknown>>, file: string): ReadonlyMap<string, string> {
  const section = sections[kind] ?? {};
  if (typeof section !== "object" || Array.isArray(section)) throw broken(file, `${kind} is no map`);
  return new Map(
    Object.entries(section).map(([name, value]: [string, unknown]) => {
      if (typeof value !== "string" || !VALUES[kind].test(value))
        throw broken(file, `${name} is pinned to ${JSON.stringify(value)}, which is no ${kind === "git" ? "commit" : "digest"}`);
      return [name, value];
    }),
  );
}

function broken(file: string, reason: string): BuilderError {
  return new BuilderError("LOCK_BROKEN", `Cannot read lock file ${file}: ${reason}`, { hint: "Restore it, or write it anew by --lock-update" });
}
