/** The kubectl of this machine: from PATH, or from where its usual packages put it. */
import { access, constants, readdir } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** More folders to look in: packages that keep several versions side by side. */
const FOLDERS = ["/usr/lib/google-cloud-sdk/bin"];

/** Path of one; `version` (`1.31`) asks for that minor release. @throws when there is none */
export async function kubectl(version?: string): Promise<string> {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...FOLDERS];
  const wanted = new RegExp(version === undefined ? "^kubectl(?:\\.1\\.(?:29|3\\d))?$" : `^kubectl\\.${version.replace(".", "\\.")}$`);
  for (const folder of folders) {
    const names = await readdir(folder).catch(() => []);
    for (const name of names.filter((one) => wanted.test(one)).toSorted()) {
      const path = join(folder, name);
      if (
        await access(path, constants.X_OK).then(
          () => true,
          () => false,
        )
      )
        return path;
    }
  }
  throw new Error(`Cannot find kubectl${version === undefined ? "" : ` ${version}`} in ${folders.join(", ")}`);
}
