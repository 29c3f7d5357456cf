/**
 * Where the dynamic loader finds a library: rpath, runpath, the folders of ld.so.conf, then its own.
 * Spec: ld.so(8), "Searching for libraries". LD_LIBRARY_PATH is left out: it belongs to a process, not to an image.
 */
import { readFileSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, isAbsolute, join, resolve } from "node:path";
import type { Elf } from "./elf.ts";

/** Folders that the loader knows by itself, so what lies there is found without a cache file. */
export function loaderFolders(): readonly string[] {
  const triple = { x64: "x86_64", arm64: "aarch64", ia32: "i386", riscv64: "riscv64", ppc64: "powerpc64le", s390x: "s390x", loong64: "loongarch64" }[
    process.arch as string
  ];
  const multiarch = triple === undefined ? [] : [`/lib/${triple}-linux-gnu`, `/usr/lib/${triple}-linux-gnu`];
  return [...multiarch, "/lib64", "/usr/lib64", "/lib", "/usr/lib"].filter(isFolder);
}

/** The folders that an ld.so.conf names, its includes followed. */
export function configuredFolders(file = "/etc/ld.so.conf"): readonly string[] {
  return parseLoaderConfig(readText(file)).flatMap((line) => {
    if (line.kind === "folder") return [line.path];
    const pattern = isAbsolute(line.pattern) ? line.pattern : join(dirname(file), line.pattern);
    return expand(pattern).flatMap((path) => configuredFolders(path));
  });
}

export type LoaderConfigLine = { readonly kind: "folder"; readonly path: string } | { readonly kind: "include"; readonly pattern: string };

export function parseLoaderConfig(text: string): readonly LoaderConfigLine[] {
  return text.split("\n").flatMap((raw): readonly LoaderConfigLine[] => {
    const line = raw.replace(/#.*/, "").trim();
    if (line === "" || line.startsWith("hwcap ")) return [];
    if (!/^include\s/.test(line)) return line.split(/[\s:,]+/).map((path) => ({ kind: "folder", path }));
    return line
      .split(/\s+/)
      .slice(1)
      .map((pattern) => ({ kind: "include", pattern }));
  });
}

/** The folders to look into for what `elf` at `path` needs, first come first served. `inherited` are the rpaths of those that load it. */
export function searchFolders(elf: Elf, path: string, inherited: readonly string[], system: readonly string[]): readonly string[] {
  const own = elf.runpath.length > 0 ? elf.runpath : [...elf.rpath, ...inherited];
  return [...own.map((folder) => expandTokens(folder, path)), ...system];
}

/** What `path` hands on to its libraries: its rpath, unless a runpath puts that out of force. */
export function handedOn(elf: Elf, path: string, inherited: readonly string[]): readonly string[] {
  return elf.runpath.length > 0 ? inherited : [...elf.rpath.map((folder) => expandTokens(folder, path)), ...inherited];
}

function expandTokens(folder: string, path: string): string {
  return resolve(folder.replace(/\$(?:ORIGIN|\{ORIGIN\})/g, dirname(path)).replace(/\$(?:LIB|\{LIB\})/g, "lib"));
}

/** The files that a pattern names; wildcards stand in its last part only, as in every ld.so.conf that is shipped. */
function expand(pattern: string): readonly string[] {
  const [folder, last] = [dirname(pattern), basename(pattern)];
  if (!isFolder(folder)) return [];
  const wanted = new RegExp(
    `^${last
      .replace(/[.+^$(){}|\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
  );
  const names = readdirSync(folder).filter((name) => wanted.test(name) && !name.startsWith("."));
  return names.toSorted().map((name) => join(folder, name));
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return ""; // no configuration: the loader's own folders remain
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
