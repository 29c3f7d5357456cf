/** Where a pod's files are on the node: `<data>/pods/<uid>/{volumes,logs,termination}`. */
import { chmod, mkdir, readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { removeTree } from "../storage/remove-tree.ts";
import { unmountBelow } from "./volumes/empty-dir.ts";

export class PodFolders {
  readonly #data: string;

  constructor(data: string) {
    this.#data = data;
  }

  /** Where `Localhost` seccomp profiles are. */
  get seccomp(): string {
    return join(this.#data, "seccomp");
  }

  of(uid: string): string {
    return join(this.#data, "pods", uid);
  }

  volume(uid: string, plugin: string, name: string): string {
    return join(this.of(uid), "volumes", `kubernetes.io~${plugin}`, name);
  }

  log(uid: string, container: string, attempt: number): string {
    return join(this.of(uid), "logs", container, `${attempt}.log`);
  }

  /** With what was rotated. */
  async removeLogs(uid: string, container: string, attempt: number): Promise<void> {
    const path = this.log(uid, container, attempt);
    const names = await readdir(dirname(path)).catch(() => []);
    const own = names.filter((name) => name === basename(path) || name.startsWith(`${basename(path)}.`));
    await Promise.all(own.map(async (name) => await rm(join(dirname(path), name), { force: true })));
  }

  termination(uid: string, container: string, attempt: number): string {
    return join(this.of(uid), "termination", `${container}-${attempt}`);
  }

  /** Made before anything else of a pod, so that a later node agent finds what was begun. Other users of the machine may not look in: Secrets are there. */
  async prepare(uid: string): Promise<void> {
    const pods = dirname(this.of(uid));
    await mkdir(pods, { recursive: true });
    await chmod(pods, 0o700);
    await mkdir(this.of(uid), { recursive: true, mode: 0o755 });
  }

  async list(): Promise<readonly string[]> {
    return await readdir(join(this.#data, "pods")).catch(() => []);
  }

  async remove(uid: string): Promise<void> {
    await unmountBelow(this.of(uid));
    await removeTree(this.of(uid));
  }
}
