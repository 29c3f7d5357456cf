/** The user namespace of an ordinary user's containers: made by the first command that needs it, entered by all, gone a while after the last process
 * in it. All share one, for a process can only join the namespaces of a container from the user namespace that owns them. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { makeFolders } from "../../store/make-folders.ts";
import { namedProcess, processName } from "../../store/process-id.ts";
import { openLockFile } from "../../store/own-file.ts";
import { openFileLock, type FileLock } from "../../system/file-lock.ts";
import { EXIT, ExitError } from "../errors.ts";
import { idMap, spare, type IdMap } from "./id-maps.ts";

export interface Held {
  /** `PID:START`. */
  readonly holder: string;
  /** Shared; kept until a process of yours is in the namespace, or the holder might take itself for alone. */
  readonly lock: FileLock;
}

/** Found or made. `warn` is told when it is made and falls short. */
export async function holdNamespace(runRoot: string, minder: string, warn: (text: string) => void): Promise<Held> {
  const folder = join(runRoot, "rootless");
  makeFolders(folder, 0o700);
  const [lockPath, record] = [join(folder, "lock"), join(folder, "holder")];
  const lock = openFileLock(lockPath, openLockFile);
  try {
    lock.shared();
    const found = readHolder(record);
    if (found !== undefined) return { holder: found, lock };
    lock.exclusive();
    const holder = readHolder(record) ?? (await makeNamespace(minder, lockPath, record, warn)); // another may have made it meanwhile
    writeFileSync(`${record}.new`, holder);
    renameSync(`${record}.new`, record);
    lock.shared();
    return { holder, lock };
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

function readHolder(record: string): string | undefined {
  const name = textOf(record);
  return namedProcess(name) === undefined ? undefined : name.trim();
}

async function makeNamespace(minder: string, lockPath: string, record: string, warn: (text: string) => void): Promise<string> {
  const child = spawn(minder, ["hold", lockPath, record], { cwd: "/", detached: true, env: {}, stdio: ["ignore", "ignore", "pipe", "pipe"] });
  const maker = child.stdio[3] as Socket;
  let said = "";
  child.stderr?.on("data", (data: Buffer) => (said += data.toString()));
  const next = async (wanted: string): Promise<void> => {
    const [data] = (await Promise.race([once(maker, "data"), once(child, "exit")])) as [unknown];
    if (!(data instanceof Buffer) || data.toString() !== wanted)
      throw new ExitError(EXIT.strata, `Cannot make a user namespace: ${said.trim() || "it was refused"}\n${hint()}`);
  };
  try {
    await next("U");
    const pid = child.pid ?? 0;
    writeMaps(pid, warn);
    maker.write("G");
    await next("R");
    child.unref();
    maker.destroy();
    child.stderr?.destroy();
    return processName(pid);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

function hint(): string {
  const limit = textOf("/proc/sys/kernel/unprivileged_userns_clone").trim();
  if (limit === "0") return "This kernel gives them to root only: sysctl kernel.unprivileged_userns_clone=1";
  if (textOf("/proc/sys/user/max_user_namespaces").trim() === "0") return "None are allowed here: sysctl user.max_user_namespaces=10000";
  return "'strata doctor' tells what this machine lacks";
}

/** By newuidmap where the user has ranges of further ids; else the user alone, whom the kernel lets map themselves. */
function writeMaps(pid: number, warn: (text: string) => void): void {
  const { uid, gid, username } = userInfo();
  const user = { id: uid, name: username };
  const maps = { uid: idMap(textOf("/etc/subuid"), user, uid), gid: idMap(textOf("/etc/subgid"), user, gid) };
  if (spare(maps.uid) > 0 && spare(maps.gid) > 0) {
    const missing = [setMap("newuidmap", pid, maps.uid), setMap("newgidmap", pid, maps.gid)].includes(false);
    if (!missing) return;
    warn("newuidmap is not installed (apt-get install uidmap): containers have no user but root, and images with files of others cannot be used");
  } else {
    warn(
      `/etc/subuid and /etc/subgid give ${username} no ids (usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${username}): containers have no user but root, and images with files of others cannot be used`,
    );
  }
  writeFileSync(`/proc/${pid}/setgroups`, "deny");
  writeFileSync(`/proc/${pid}/gid_map`, `0 ${gid} 1`);
  writeFileSync(`/proc/${pid}/uid_map`, `0 ${uid} 1`);
}

/** False when there is no such program. */
function setMap(program: "newuidmap" | "newgidmap", pid: number, map: IdMap): boolean {
  const { status, stderr, error } = spawnSync(program, [pid, ...map.flat()].map(String), { encoding: "utf8" });
  if (error !== undefined && "code" in error && error.code === "ENOENT") return false;
  if (status !== 0) throw new ExitError(EXIT.strata, `Cannot map the ids of containers: ${stderr?.trim() ?? error?.message ?? program}`);
  return true;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
