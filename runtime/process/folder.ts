/** A container's state folder, `<runRoot>/containers/<id>`: what each file says, and who writes it. */
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolders } from "../../store/make-folders.ts";
import { RuntimeError } from "../errors.ts";
import type { ExitRecord } from "../process.ts";
import type { Spec } from "../spec.ts";
import type { Groups } from "./cgroup/groups.ts";
import type { MonitorPids } from "./client.ts";

/** `state.json`, written by the creator before the launch: what later commands need. */
export interface Recorded {
  readonly spec: Spec;
  readonly groups?: Groups;
  readonly bundle?: string;
  /** RFC 3339. */
  readonly created?: string;
  /** Whoever makes it: when it is gone before there is a pid, there will be none. */
  readonly maker: { readonly pid: number; readonly startTime: number };
  /** The kernel's life in which it was made: after a reboot, no process that it names is meant any more. */
  readonly boot?: string;
}

const ID = /^[A-Za-z0-9_+-][A-Za-z0-9_.+-]*$/;
const MAX_ID = 128;

export class Folder {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** @throws {RuntimeError} `NAME_INVALID` */
  static of(runRoot: string, id: string): Folder {
    if (!ID.test(id) || id.length > MAX_ID)
      throw new RuntimeError("NAME_INVALID", `Cannot use ${JSON.stringify(id)} as a container id: letters, digits and _+-. only`);
    return new Folder(join(runRoot, "containers", id));
  }

  /** An exec's own folder inside. */
  exec(execID: string): Folder {
    return new Folder(join(this.path, "exec", execID));
  }

  /** @throws {RuntimeError} `CONTAINER_EXISTS` */
  make(): void {
    try {
      makeFolders(join(this.path, ".."), 0o711);
      mkdirSync(this.path, { mode: 0o711 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      throw new RuntimeError("CONTAINER_EXISTS", `Cannot create the container: there is one in ${this.path}`);
    }
  }

  /** Whole or absent, for others may be reading. */
  record(state: Recorded): void {
    const path = join(this.path, "state.json");
    writeFileSync(`${path}.new`, JSON.stringify(state), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  recorded(): Recorded | undefined {
    return this.#json("state.json") as Recorded | undefined;
  }

  /** Written by the monitor once init is set up. */
  pids(): MonitorPids | undefined {
    return this.#json("pid") as MonitorPids | undefined;
  }

  /** Written by the monitor after execve. */
  startedAt(): string | undefined {
    return this.#text("started");
  }

  /** Written by the monitor when the program has ended and its output is drained; by its keeper when the monitor was killed. */
  exit(): ExitRecord | undefined {
    return this.#json("exit.json") as ExitRecord | undefined;
  }

  /** For one whose monitor and keeper are gone; what stands there already stays. */
  recordLost(exit: ExitRecord): void {
    const beside = join(this.path, `exit.${process.pid}.new`);
    try {
      writeFileSync(beside, JSON.stringify(exit), { mode: 0o600 });
      linkSync(beside, join(this.path, "exit.json"));
    } catch (error) {
      if (!["EEXIST", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error; // the folder may be going
    } finally {
      rmSync(beside, { force: true });
    }
  }

  #json(name: string): unknown {
    const text = this.#text(name);
    return text === undefined || text === "" ? undefined : (JSON.parse(text) as unknown);
  }

  #text(name: string): string | undefined {
    try {
      return readFileSync(join(this.path, name), "utf8");
    } catch (error) {
      if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
      throw error;
    }
  }
}
