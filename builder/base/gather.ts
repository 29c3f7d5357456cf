/** Gathers programs with all that they need to start: loader, libraries, interpreters. Nothing is executed to find out. */
import { statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { BuilderError } from "../errors.ts";
import type { Elf } from "./elf.ts";
import { findProgram } from "./find-program.ts";
import { isSystemPath, walkHostPath } from "./host-path.ts";
import { readHostFile, type HostFile } from "./host-file.ts";
import { configuredFolders, handedOn, loaderFolders, searchFolders } from "./library-search.ts";
import type { Tree } from "./tree.ts";

/** PATH of a base image. */
export const BASE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const LOCAL_PROGRAMS = "/usr/local/bin";

export class Gatherer {
  readonly #tree: Tree;
  readonly #searchPath: string;
  readonly #own = loaderFolders();
  readonly #system = [...new Set([...configuredFolders(), ...this.#own])];
  readonly #followed = new Set<string>();
  readonly #read = new Map<string, HostFile>();

  constructor(tree: Tree, searchPath: string) {
    this.#tree = tree;
    this.#searchPath = searchPath;
  }

  /** By name or path; idempotent. @throws {BuilderError} `PROGRAM_UNKNOWN`, `LIBRARY_UNKNOWN` */
  program(name: string): void {
    const path = findProgram(name, this.#searchPath);
    const local = join(LOCAL_PROGRAMS, basename(path));
    const at = isSystemPath(path) ? path : local;
    const real = this.#place(path, at);
    if (!BASE_PATH.split(":").includes(dirname(at)) && !this.#tree.has(local)) this.#tree.symlink(local, at);
    this.follow(real);
  }

  /** Adds what the host's file `path` needs, not the file itself. `inherited` are the rpaths of those that load it. */
  follow(path: string, inherited: readonly string[] = []): void {
    if (this.#followed.has(path)) return;
    this.#followed.add(path);
    const file = this.#file(path);
    if (file.kind === "script") for (const program of file.interpreter) this.program(program);
    if (file.kind === "elf") this.#followElf(file.elf, path, inherited);
  }

  isElf(path: string): boolean {
    return this.#file(path).kind === "elf";
  }

  #followElf(elf: Elf, path: string, inherited: readonly string[]): void {
    if (elf.interpreter !== undefined) this.follow(this.#place(elf.interpreter, elf.interpreter));
    for (const name of elf.needed) {
      const library = this.#findLibrary(name, elf, path, inherited);
      this.follow(this.#placeLibrary(name, library), handedOn(elf, path, inherited));
    }
  }

  #findLibrary(name: string, elf: Elf, path: string, inherited: readonly string[]): string {
    const folders = name.includes("/") ? [""] : searchFolders(elf, path, inherited, this.#system);
    const found = folders.map((folder) => join(folder, name)).find((candidate) => this.#serves(candidate, elf));
    if (found !== undefined) return found;
    throw new BuilderError("LIBRARY_UNKNOWN", `Cannot find the library ${name} that ${path} needs: it is in none of ${[...new Set(folders)].join(", ")}`, {
      hint: "Install the package that brings it; if it is elsewhere, add its folder to /etc/ld.so.conf.d",
    });
  }

  #serves(candidate: string, elf: Elf): boolean {
    if (statSync(candidate, { throwIfNoEntry: false })?.isFile() !== true) return false;
    const file = this.#file(candidate);
    return file.kind === "elf" && file.elf.architecture === elf.architecture;
  }

  /** A base image has no ld.so.cache: a library that only the cache would find gets a name in the loader's own folder. */
  #placeLibrary(name: string, path: string): string {
    const known = join(this.#own[0] ?? "/usr/lib", basename(name));
    const real = this.#place(path, known);
    const cached = this.#system.includes(dirname(path)) && !this.#own.includes(dirname(path));
    if (cached && !this.#tree.has(known)) this.#tree.symlink(known, path);
    return real;
  }

  /** Copies a host file with the links that lead to it, or, when it lies in nobody's system folder, under the name `otherwise`. */
  #place(path: string, otherwise: string): string {
    const { links, real } = walkHostPath(path);
    const status = statSync(real);
    const mode = (status.mode & 0o111) === 0 ? 0o644 : 0o755;
    const together = isSystemPath(real);
    if (together) for (const link of links) this.#tree.symlink(link.path, link.target);
    this.#tree.copy(together ? real : otherwise, real, status.size, { mode });
    return real;
  }

  #file(path: string): HostFile {
    const known = this.#read.get(path) ?? readHostFile(path);
    this.#read.set(path, known);
    return known;
  }
}
