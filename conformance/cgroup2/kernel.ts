/** Debian's cloud kernel and an initramfs of busybox: what of it is not built in is loaded in the order in which its parts need one another. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { ConformanceError } from "../errors.ts";

/** The disk, layers, limited storage, and the networks of containers with their rules. */
const MODULES = [
  "virtio_pci",
  "virtio_blk",
  "overlay",
  "loop",
  "bridge",
  "veth",
  "nft_chain_nat",
  "nft_nat",
  "nft_masq",
  "nft_ct",
  "nft_fib_ipv4",
  "nft_fib_ipv6",
];

const INIT = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /new
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
for module in /modules/*.ko; do /bin/busybox insmod $module; done
/bin/busybox mount -t ext4 /dev/vda /new
exec /bin/busybox switch_root /new /bin/busybox sh /start
`;

/** Unpacks the kernel's package below `folder`, unless it is there. Gives the folder of its files. */
export function fetchKernel(folder: string): string {
  const tree = join(folder, "kernel");
  if (existsSync(join(tree, "boot"))) return tree;
  mkdirSync(tree, { recursive: true });
  const depends = execFileSync("apt-cache", ["depends", "linux-image-cloud-amd64"], { encoding: "utf8" });
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (name === undefined) throw new ConformanceError("Cannot find Debian's cloud kernel: apt knows no linux-image-cloud-amd64; run 'apt-get update'");
  execFileSync("apt-get", ["download", name], { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
  const file = readdirSync(folder).find((one) => one.startsWith(`${name}_`));
  if (file === undefined) throw new ConformanceError(`Cannot find what apt downloaded of ${name}`);
  execFileSync("dpkg-deb", ["-x", join(folder, file), tree]);
  rmSync(join(folder, file));
  return tree;
}

export function findKernel(tree: string): string {
  const kernel = readdirSync(join(tree, "boot")).find((name) => name.startsWith("vmlinuz-"));
  if (kernel === undefined) throw new ConformanceError(`Cannot find a kernel in ${tree}/boot`);
  return join(tree, "boot", kernel);
}

export function makeInitramfs(folder: string, kernelTree: string): string {
  const root = join(folder, "initramfs");
  mkdirSync(join(root, "bin"), { recursive: true });
  mkdirSync(join(root, "modules"));
  cpSync("/bin/busybox", join(root, "bin/busybox"), { dereference: true });
  writeFileSync(join(root, "init"), INIT, { mode: 0o755 });
  for (const [index, path] of inOrder(kernelTree).entries()) cpSync(path, join(root, "modules", `${String(index).padStart(3, "0")}.ko`));
  const archive = join(folder, "initramfs.cpio");
  execFileSync("sh", ["-c", `cd "$1" && find . | busybox cpio -o -H newc > "$2"`, "sh", root, archive], { stdio: ["ignore", "ignore", "ignore"] });
  return archive;
}

/** Each behind those that it needs; one that is not found is part of the kernel. */
function inOrder(kernelTree: string): readonly string[] {
  const listed = execFileSync("find", [join(kernelTree, "lib/modules"), "-name", "*.ko"], { encoding: "utf8" });
  const paths = new Map(
    listed
      .trim()
      .split("\n")
      .map((path) => [nameOf(basename(path, ".ko")), path]),
  );
  const order = new Set<string>();
  const add = (name: string): void => {
    const path = paths.get(nameOf(name));
    if (path === undefined || order.has(path)) return;
    for (const needed of neededBy(path)) add(needed);
    order.add(path);
  };
  for (const name of MODULES) add(name);
  return [...order];
}

/** Files and their mentions differ in hyphens. */
function nameOf(module: string): string {
  return module.replaceAll("-", "_");
}

/** As the module itself says it. */
function neededBy(path: string): readonly string[] {
  const words = /\0depends=([^\0]*)\0/.exec(readFileSync(path, "latin1"))?.[1] ?? "";
  return words.split(",").filter((word) => word !== "");
}
