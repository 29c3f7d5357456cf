/** A folder, file, socket or device of the host as a volume: there, made, or refused. Spec: Kubernetes documentation, "hostPath". */
import { stat, writeFile } from "node:fs/promises";
import { makeFolders } from "../../../store/make-folders.ts";
import { StartError } from "../errors.ts";

type Stats = Awaited<ReturnType<typeof stat>>;

const HOST_PATH_CHECKS: Readonly<Record<string, readonly [what: string, is: (stats: Stats) => boolean]>> = {
  Directory: ["directory", (stats) => stats.isDirectory()],
  File: ["file", (stats) => stats.isFile()],
  Socket: ["socket", (stats) => stats.isSocket()],
  CharDevice: ["character device", (stats) => stats.isCharacterDevice()],
  BlockDevice: ["block device", (stats) => stats.isBlockDevice()],
};

/** @throws {StartError} `FailedMount` when something else is at `path` */
export async function prepareHostPath(path: string, type: string): Promise<void> {
  if (type === "DirectoryOrCreate") makeFolders(path, 0o755);
  if (type === "FileOrCreate") await writeFile(path, "", { flag: "a", mode: 0o644 });
  const check = HOST_PATH_CHECKS[type];
  const found = await stat(path).catch(() => undefined);
  if (check !== undefined && (found === undefined || !check[1](found)))
    throw new StartError("FailedMount", `hostPath type check failed: ${path} is not a ${check[0]}`);
}
