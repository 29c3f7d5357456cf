/** Debian's packages, of sources and of programs, through apt and the archives that this machine is set up for, into a folder of our own. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../command.ts";
import { ConformanceError } from "../errors.ts";

/** apt with source packages switched on; its lists and settings stay below `folder`. */
export interface Apt {
  /** Fetches the archives of a source package into `into`. */
  source(name: string, into: string): Promise<void>;
  /** Fetches packages of programs into `into`. */
  download(names: readonly string[], into: string): Promise<void>;
}

export async function openApt(folder: string): Promise<Apt> {
  const [lists, cache] = [join(folder, "lists"), join(folder, "cache")];
  for (const path of [join(lists, "partial"), join(cache, "archives", "partial")]) mkdirSync(path, { recursive: true });
  const list = join(folder, "sources.list");
  const config = join(folder, "apt.conf");
  writeFileSync(list, await sourceList());
  const settings = {
    "Dir::Etc::SourceList": list,
    "Dir::Etc::SourceParts": "-",
    "Dir::State::Lists": lists,
    "Dir::Cache": cache,
    "APT::Sandbox::User": "root",
  };
  writeFileSync(config, Object.entries(settings).map(([key, value]) => `${key} "${value}";\n`).join("")); // prettier-ignore
  const env = { APT_CONFIG: config };
  await run(["apt-get", "update", "--quiet=2"], { env });
  return {
    source: async (name, into) => {
      await run(["apt-get", "source", "--quiet=2", "--download-only", name], { env, cwd: into });
    },
    download: async (names, into) => {
      await run(["apt-get", "download", "--quiet=2", ...names], { env, cwd: into });
    },
  };
}

/** The machine's own archives of Debian, once for programs and once for sources. */
async function sourceList(): Promise<string> {
  const format = "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)";
  const targets = await run(["apt-get", "indextargets", "--format", format, "Created-By: Packages"]);
  const archives = new Set(targets.split("\n").filter((line) => line.startsWith("Debian|")));
  if (archives.size === 0) throw new ConformanceError("Cannot fetch Debian's sources: apt knows no archive of Debian here (run apt-get update)");
  return [...archives]
    .map((line) => line.split("|").slice(1).join(" "))
    .flatMap((place) => ["deb", "deb-src"].map((kind) => `${kind} [signed-by=${KEYRING}] ${place}\n`))
    .join("");
}

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Unpacks the upstream archives among the files of a source package. */
export async function unpackSource(from: string, into: string): Promise<void> {
  const archives = readdirSync(from).filter((name) => /\.orig(-[a-z0-9-]+)?\.tar\.[a-z0-9]+$/.test(name));
  for (const archive of archives) await run(["tar", "--extract", "--no-same-owner", "--file", join(from, archive), "--directory", into]);
}
