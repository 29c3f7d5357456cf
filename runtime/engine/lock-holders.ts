/** Which processes hold a lock, as far as this user may know: it takes a look at all of them. Spec: proc(5), /proc/net/unix and /proc/PID/fd. */
import { readdir, readFile, readlink } from "node:fs/promises";

export interface Holder {
  readonly pid: number;
  readonly name: string;
  /** Of strata-minder: the program that it attends. */
  readonly plugin?: string;
}

/** Of a socket that listens: those that wait at it have the name too. */
const LISTENS = "00010000";

/** `name` as `lock` has it. */
export async function findHolders(name: string): Promise<readonly Holder[]> {
  const socket = await findSocket(`@strata/${name}`);
  if (socket === undefined) return [];
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  const found: Holder[] = [];
  for (const pid of pids) if (await holds(pid, socket)) found.push(await describe(pid));
  return found;
}

/** As its descriptors' links name it. */
async function findSocket(path: string): Promise<string | undefined> {
  for (const line of (await readFile("/proc/net/unix", "utf8")).split("\n")) {
    const [, , , flags, , , inode, bound] = line.split(/\s+/);
    if (bound === path && flags === LISTENS) return `socket:[${inode}]`;
  }
  return undefined;
}

async function holds(pid: string, socket: string): Promise<boolean> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const links = await Promise.all(descriptors.map(async (fd) => await readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")));
  return links.includes(socket);
}

async function describe(pid: string): Promise<Holder> {
  const words = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
  const name = (await readFile(`/proc/${pid}/comm`, "utf8").catch(() => "")).trim();
  const [program = "", verb, , plugin] = words;
  return { pid: Number(pid), name, ...(program.endsWith("/strata-minder") && verb === "attend" && plugin !== undefined && { plugin }) };
}
