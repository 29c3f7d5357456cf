/** A small machine under emulation whose kernel knows cgroup v2 only: Debian's cloud kernel, an initramfs of busybox, and a disk made of folders. */
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { ConformanceError } from "../errors.ts";

export interface Machine {
  readonly kernel: string;
  readonly initramfs: string;
  readonly disk: string;
}

/** What the kernel has not built in: loaded until each has what it needs. */
const MODULES = ["virtio", "virtio_ring", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk", "overlay", "loop"];
const MEMORY = "1024M";
const BOOT_LIMIT_MS = 600_000;

const INIT = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /new
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
for pass in 1 2 3; do
  for module in /modules/*.ko; do /bin/busybox insmod $module 2>/dev/null; done
done
/bin/busybox mount -t ext4 /dev/vda /new
exec /bin/busybox switch_root /new /bin/busybox sh /start
`;

const START = `export PATH=/bin:/usr/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm /dev/mqueue
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up
node /strata/dist/conformance/cgroup2/inside.js > /dev/ttyS1 2> /dev/ttyS0
sync
poweroff -f
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

/** Everything that a boot needs, below `folder`. */
export function makeMachine(folder: string, project: string, kernelTree: string): Machine {
  const boot = join(kernelTree, "boot");
  const kernel = readdirSync(boot).find((name) => name.startsWith("vmlinuz-"));
  if (kernel === undefined) throw new ConformanceError(`Cannot find a kernel in ${boot}`);
  const initramfs = makeInitramfs(folder, kernelTree);
  const root = join(folder, "root");
  rmSync(root, { recursive: true, force: true });
  makeRoot(root, project);
  const disk = join(folder, "disk");
  rmSync(disk, { force: true });
  execFileSync("mke2fs", ["-q", "-t", "ext4", "-O", "^has_journal", "-d", root, disk, "900M"]);
  rmSync(root, { recursive: true, force: true });
  return { kernel: join(boot, kernel), initramfs, disk };
}

function makeInitramfs(folder: string, kernelTree: string): string {
  const root = join(folder, "initramfs");
  rmSync(root, { recursive: true, force: true });
  mkdirSync(join(root, "bin"), { recursive: true });
  mkdirSync(join(root, "modules"));
  cpSync("/bin/busybox", join(root, "bin/busybox"), { dereference: true });
  writeFileSync(join(root, "init"), INIT, { mode: 0o755 });
  const found = execFileSync("find", [join(kernelTree, "lib/modules"), "-name", "*.ko"], { encoding: "utf8" })
    .trim()
    .split("\n");
  for (const name of MODULES) {
    const path = found.find((one) => basename(one) === `${name}.ko`);
    if (path !== undefined) cpSync(path, join(root, "modules", `${name}.ko`)); // else it is part of the kernel
  }
  const archive = join(folder, "initramfs.cpio");
  execFileSync("sh", ["-c", `cd "$1" && find . | busybox cpio -o -H newc > "$2"`, "sh", root, archive], { stdio: ["ignore", "ignore", "ignore"] });
  return archive;
}

/** busybox, node and mke2fs with their libraries, and this project as it is built. */
function makeRoot(root: string, project: string): void {
  for (const name of ["proc", "sys", "dev", "run", "tmp", "bin", "usr/bin", "strata/build/Release", "etc"]) mkdirSync(join(root, name), { recursive: true });
  cpSync("/bin/busybox", join(root, "bin/busybox"), { dereference: true });
  for (const name of ["sh", "mount", "mkdir", "ip", "sync", "poweroff"]) symlinkSync("busybox", join(root, "bin", name));
  addProgram(root, process.execPath);
  addProgram(root, execFileSync("sh", ["-c", "command -v mke2fs"], { encoding: "utf8" }).trim());
  for (const name of readdirSync(join(project, "build/Release")).filter((one) => one.startsWith("strata-")))
    cpSync(join(project, "build/Release", name), join(root, "strata/build/Release", name));
  const isOld = { recursive: true, preserveTimestamps: true }; // bin/ runs the rooms, which need packages, where they are newer than the bundle
  for (const name of ["package.json", "bin", "dist"]) cpSync(join(project, name), join(root, "strata", name), isOld);
  const source = join(project, "conformance/cgroup2/huge-pages.c");
  execFileSync("gcc", ["-std=gnu17", "-O1", "-static", "-o", join(root, "bin/huge-pages"), source], { stdio: ["ignore", "ignore", "inherit"] });
  writeFileSync(join(root, "start"), START);
}

/** Into its /usr/bin, and the libraries that it asks for. */
function addProgram(root: string, path: string): void {
  const program = realpathSync(path);
  cpSync(program, join(root, "usr/bin", basename(path)));
  for (const library of new Set(execFileSync("ldd", [program], { encoding: "utf8" }).match(/\/\S*\.so\S*/g))) {
    mkdirSync(join(root, dirname(library)), { recursive: true });
    cpSync(realpathSync(library), join(root, library));
  }
}

/** Boots it and waits for its end. Gives what the checks wrote. @throws {ConformanceError} with the end of its console when it wrote nothing */
export async function boot(machine: Machine, folder: string): Promise<string> {
  const [console, results] = [join(folder, "console"), join(folder, "results")];
  const words = `console=ttyS0 cgroup_no_v1=all panic=-1 quiet hugepages=8 systemd.unified_cgroup_hierarchy=1`;
  const accelerate = ["-accel", "tcg,thread=multi", "-cpu", "max"]; // KVM is often there and of no use inside another machine
  const args = ["-M", "pc", ...accelerate, "-smp", "2", "-m", MEMORY, "-nographic", "-no-reboot", "-nodefaults", "-monitor", "none"];
  const files = ["-kernel", machine.kernel, "-initrd", machine.initramfs, "-append", words];
  const devices = ["-serial", `file:${console}`, "-serial", `file:${results}`, "-drive", `file=${machine.disk},if=virtio,format=raw,cache=unsafe`];
  const qemu = spawn("qemu-system-x86_64", [...args, ...files, ...devices], { stdio: ["ignore", "inherit", "inherit"] });
  const timer = setTimeout(() => qemu.kill("SIGKILL"), BOOT_LIMIT_MS);
  const end = (): void => void qemu.kill("SIGKILL");
  process.once("exit", end);
  await new Promise<void>((resolve, reject) => qemu.once("error", reject).once("exit", () => resolve()));
  clearTimeout(timer);
  process.removeListener("exit", end);
  const text = existsSync(results) ? readFileSync(results, "utf8") : "";
  if (!text.includes("end of checks"))
    throw new ConformanceError(`The machine ended before its checks did:\n${text}\n${readFileSync(console, "utf8").slice(-4000)}`);
  return text;
}
