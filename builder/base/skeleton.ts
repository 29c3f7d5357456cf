/** The folders and few files that programs take for granted. Spec: Filesystem Hierarchy Standard 3.0; passwd(5), group(5), nsswitch.conf(5). */
import { lstatSync, readlinkSync } from "node:fs";
import type { Tree } from "./tree.ts";

export interface BaseUser {
  readonly name: string;
  readonly uid: number;
}

/** /bin, /sbin and /lib… are folders or links into /usr as on this machine, whose programs expect just that. */
export function addTopLevel(tree: Tree): void {
  for (const name of ["bin", "sbin", "lib", "lib32", "lib64", "libx32"]) {
    const status = lstatSync(`/${name}`, { throwIfNoEntry: false });
    if (status?.isSymbolicLink() !== true) continue;
    const target = readlinkSync(`/${name}`);
    tree.directory(target);
    tree.symlink(name, target);
  }
}

export function addSkeleton(tree: Tree, users: readonly BaseUser[], shell: string): void {
  for (const path of ["dev", "proc", "sys", "run", "home", "usr/bin", "usr/sbin", "usr/lib", "usr/local/bin", "var/lib", "var/cache", "var/log"])
    tree.directory(path);
  tree.symlink("var/run", "/run");
  tree.directory("root", { mode: 0o700 });
  for (const path of ["tmp", "var/tmp"]) tree.directory(path, { mode: 0o1777 });
  for (const { name, uid } of users) tree.directory(`home/${name}`, { uid, gid: uid });
  tree.text("etc/passwd", passwd(users, shell));
  tree.text("etc/group", group(users));
  tree.text("etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n");
  for (const name of ["hosts", "hostname", "resolv.conf"]) tree.text(`etc/${name}`, "");
}

export function passwd(users: readonly BaseUser[], shell: string): string {
  const own = users.map(({ name, uid }) => `${name}:x:${uid}:${uid}::/home/${name}:${shell}\n`);
  return [`root:x:0:0:root:/root:${shell}\n`, ...own, "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"].join("");
}

export function group(users: readonly BaseUser[]): string {
  return ["root:x:0:\n", "tty:x:5:\n", ...users.map(({ name, uid }) => `${name}:x:${uid}:\n`), "nogroup:x:65534:\n"].join("");
}
