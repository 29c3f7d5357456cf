/** The disk of the machine: this project as it is built, the programs that it needs with their libraries, and what the checks are made of. */
import { execFileSync, type ExecFileSyncOptions } from "node:child_process";
import { cpSync, mkdirSync, realpathSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";

const SIZE = "900M";
const APPLETS = ["sh", "mount", "mkdir", "ip", "sync", "poweroff", "tar"];
const PROGRAMS = ["mke2fs", "nft", "ps", "apparmor_parser"];

/** `parts` and `modules` come from the kernel's command line. */
const START = `export PATH=/bin:/usr/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t securityfs securityfs /sys/kernel/security
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm /dev/mqueue
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ip link set lo up
for part in $parts; do node /strata/dist/conformance/cgroup2/$part.js; done > /dev/ttyS1 2> /dev/ttyS0
sync
poweroff -f
`;

/** An ext4 with a journal, so that it lives through a crash. Gives its path. */
export function makeDisk(folder: string, project: string): string {
  const root = join(folder, "root");
  addFolders(root);
  for (const program of [process.execPath, ...PROGRAMS.map(pathOf)]) addProgram(root, program);
  addProject(root, project);
  addSubjects(root, project);
  const disk = join(folder, "disk");
  execFileSync("mke2fs", ["-q", "-t", "ext4", "-d", root, disk, SIZE]);
  rmSync(root, { recursive: true, force: true });
  return disk;
}

function addFolders(root: string): void {
  for (const name of ["proc", "sys", "dev", "run", "tmp", "root", "bin", "usr/bin", "var/lib", "etc"]) mkdirSync(join(root, name), { recursive: true });
  cpSync("/bin/busybox", join(root, "bin/busybox"), { dereference: true });
  for (const name of APPLETS) symlinkSync("busybox", join(root, "bin", name));
  writeFileSync(join(root, "start"), START);
}

function pathOf(program: string): string {
  return execFileSync("sh", ["-c", `PATH="$PATH:/usr/sbin:/sbin" command -v "$1"`, "sh", program], { encoding: "utf8" }).trim();
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

/** Without the packages that only development needs. */
function addProject(root: string, project: string): void {
  const isOld = { recursive: true, preserveTimestamps: true }; // bin/ runs the rooms where they are newer than the bundle
  for (const name of ["package.json", "bin", "dist"]) cpSync(join(project, name), join(root, "strata", name), isOld);
  const [, ...packages] = execFileSync("npm", ["ls", "--omit=dev", "--all", "--parseable"], { cwd: project, encoding: "utf8" }).trim().split("\n");
  for (const path of packages) cpSync(path, join(root, "strata", relative(project, path)), isOld);
  const natives = join(project, "build/Release");
  mkdirSync(join(root, "strata/build/Release"), { recursive: true });
  for (const name of readdirSync(natives).filter((one) => one.startsWith("strata-"))) cpSync(join(natives, name), join(root, "strata/build/Release", name));
}

/** A program that takes huge pages, a profile of AppArmor and a policy of SELinux. */
function addSubjects(root: string, project: string): void {
  const sources = join(project, "conformance/cgroup2");
  const quiet: ExecFileSyncOptions = { stdio: ["ignore", "ignore", "inherit"] };
  execFileSync("gcc", ["-std=gnu17", "-O1", "-static", "-o", join(root, "bin/huge-pages"), join(sources, "huge-pages.c")], quiet);
  cpSync(join(sources, "apparmor.profile"), join(root, "etc/apparmor.profile"));
  execFileSync("secilc", ["--policyvers=31", `--output=${join(root, "etc/selinux.policy")}`, "--filecontext=/dev/null", join(sources, "selinux.cil")], quiet);
}
