/** Programs, as node:child_process starts them, which takes 10 ms to load. Spec: posix_spawn(3), pidfd_open(2). */
import { closeSync } from "node:fs";
import { addon, READABLE, type Watch } from "./addon.ts";
import { EAGAIN, systemError } from "./errno.ts";

export interface ProgramOptions {
  /** Descriptors of ours that become 0, 1, …; undefined: /dev/null. */
  readonly files: readonly (number | undefined)[];
  /** @default ours */
  readonly env?: Readonly<Record<string, string>>;
  /** @default ours */
  readonly cwd?: string;
  /** It leads a session of its own and is not waited for: this process may end before it. @default false */
  readonly detached?: boolean;
}

/** How a program ended: one of the two. */
export interface Ending {
  readonly status?: number;
  /** Its number. */
  readonly signal?: number;
}

export interface Program {
  readonly pid: number;
  readonly ended: Promise<Ending>;
}

/** `file` is looked for in PATH unless it has a slash. @throws ENOENT, EACCES, … as Node's */
export function startProgram(file: string, args: readonly string[], { files, env, cwd = "", detached = false }: ProgramOptions): Program {
  const environment = env === undefined ? undefined : Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const fds = files.map((fd) => fd ?? -1);
  const pid = addon().start(file, [file, ...args], environment, cwd, fds, detached);
  if (pid < 0) throw systemError("spawn", pid, file);
  return { pid, ended: endOf(pid, !detached) };
}

async function endOf(pid: number, holds: boolean): Promise<Ending> {
  const pidfd = addon().pidfd(pid);
  if (pidfd < 0) return await lookForEnd(pid, holds);
  return await new Promise((resolve, reject) => {
    const watch = tryWatching(pidfd, () => {
      const status = addon().reap(pid);
      if (watch === undefined || status === -EAGAIN) return;
      addon().unwatch(watch);
      closeSync(pidfd);
      if (status < 0) reject(systemError("waitpid", status, String(pid)));
      else resolve(endingOf(status));
    });
    if (watch !== undefined) addon().setWatch(watch, READABLE, holds);
    else lookForEnd(pid, holds).then(resolve, reject);
  });
}

/** Undefined, and the descriptor is closed, where the loop does not take it. */
function tryWatching(fd: number, callback: () => void): Watch | undefined {
  try {
    return addon().watch(fd, callback);
  } catch {
    closeSync(fd);
    return undefined;
  }
}

const LOOK_MS = 10;

/** Where no descriptor is to be had, for it runs already. */
async function lookForEnd(pid: number, holds: boolean): Promise<Ending> {
  for (;;) {
    const status = addon().reap(pid);
    if (status >= 0) return endingOf(status);
    if (status !== -EAGAIN) throw systemError("waitpid", status, String(pid));
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, LOOK_MS);
      if (!holds) timer.unref();
    });
  }
}

/** Of wait(2)'s status. */
function endingOf(status: number): Ending {
  const signal = status & 0x7f;
  return signal === 0 ? { status: (status >> 8) & 0xff } : { signal };
}

/** All of them or none: whoever watched the first would wait for ever. */
export function socketPairs(count: number): readonly (readonly [ours: number, theirs: number])[] {
  const pairs: (readonly [number, number])[] = [];
  try {
    while (pairs.length < count) pairs.push(socketPair());
    return pairs;
  } catch (error) {
    for (const fd of pairs.flat()) closeSync(fd);
    throw error;
  }
}

/** Two ends that are connected: ours, which never waits, and one for a program. */
export function socketPair(): readonly [ours: number, theirs: number] {
  const ends = new Int32Array(2);
  const result = addon().socketPair(ends);
  if (result < 0) throw systemError("socketpair", result);
  return [ends[0] ?? -1, ends[1] ?? -1];
}
