/** Root file systems that stand for remote base images: made offline from Debian's packages, with stand-ins for what would need a network. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../command.ts";
import type { Apt } from "../fetch/debian.ts";
import { BASES, type Base } from "./bases.ts";
import { FILES, STAND_INS } from "./stand-ins.ts";

/** Tars of the bases by name, in the cache; made when they are not there. */
export async function makeUserlands(cache: string, apt: () => Promise<Apt>): Promise<ReadonlyMap<string, string>> {
  const tars = new Map<string, string>();
  for (const base of BASES) {
    const tar = join(cache, `base-${base.name}-${base.version}.tar`);
    if (!existsSync(tar)) await makeUserland(cache, base, tar, apt);
    tars.set(base.name, tar);
  }
  return tars;
}

async function makeUserland(cache: string, base: Base, tar: string, apt: () => Promise<Apt>): Promise<void> {
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, "base-"));
  const [packages, root] = [join(work, "packages"), join(work, "root")];
  try {
    for (const folder of [packages, root]) mkdirSync(folder);
    await (await apt()).download(base.packages, packages);
    for (const name of readdirSync(packages)) await run(["dpkg-deb", "--extract", join(packages, name), root]);
    for (const folder of ["doc", "locale", "man", "lintian", "i18n", "info", "bash-completion"])
      rmSync(join(root, "usr/share", folder), { recursive: true, force: true });
    await furnish(root);
    const options = ["--sort=name", "--numeric-owner", "--owner=0", "--group=0", "--mtime=@0"];
    await run(["tar", "--create", "--file", join(work, "tar"), ...options, "--directory", root, "."]);
    renameSync(join(work, "tar"), tar);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function furnish(root: string): Promise<void> {
  for (const folder of ["bin", "sbin", "usr/bin", "usr/sbin", "etc/apk", "tmp", "root", "home", "proc", "sys", "dev", "var/tmp", "var/log", "run"]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  for (const folder of ["tmp", "var/tmp"]) chmodSync(join(root, folder), 0o1777);
  chmodSync(join(root, "root"), 0o700);
  const applets = await run([join(root, "bin/busybox"), "--list"]);
  for (const name of applets.split("\n")) link(root, name);
  for (const [name, script] of Object.entries(STAND_INS)) put(join(root, "usr/sbin", name), script, 0o755);
  for (const [path, text] of Object.entries(FILES)) put(join(root, path), text, 0o644);
}

/** An applet of busybox, unless a package brought the program. */
function link(root: string, name: string): void {
  if (name === "" || name === "busybox" || ["bin", "sbin", "usr/bin", "usr/sbin"].some((folder) => existsSync(join(root, folder, name)))) return;
  symlinkSync("/bin/busybox", join(root, "bin", name));
}

function put(path: string, text: string, mode: number): void {
  if (existsSync(path)) return;
  writeFileSync(path, text);
  chmodSync(path, mode);
}
