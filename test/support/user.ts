/** An ordinary user of this machine with a home of their own, who runs the real commands; gone at the end, and after a crash with the next run. */
import { execFile, execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupLayout } from "../../runtime/process/cgroup/layout.ts";
import { removeGroup } from "./cgroups.ts";
import type { Outcome } from "./cli.ts";
import { projectRoot, temporaryFolder, TEST_PREFIX } from "./root.ts";

export interface TestUser extends Disposable {
  readonly name: string;
  readonly uid: number;
  /** In their reach: `program`, the package, and `node`. */
  readonly folder: string;
  readonly home: string;
  readonly runtimeFolder: string;
  /** A program of the package as the user runs it; never throws for an exit status. */
  attempt(program: "strata" | "strata-runtime", args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Outcome>;
  /** Any program. */
  run(words: readonly string[], env?: Readonly<Record<string, string>>): Promise<Outcome>;
  /** Standard output of `strata`, trimmed; throws when the status is not 0. */
  strata(...args: readonly string[]): Promise<string>;
  removeContainers(): Promise<void>;
  /** From now on their commands run in control groups of their own, which root gave them: of these controllers. */
  delegate(...controllers: readonly string[]): void;
  /** Pids that run as the user or as one of their subordinate ids. */
  processes(): readonly number[];
}

const FILE = "user";

export function addUser(): TestUser {
  const folder = temporaryFolder();
  const name = `${TEST_PREFIX}${randomBytes(3).toString("hex")}`;
  const [home, runtimeFolder] = [join(folder, "home"), join(folder, "xdg")];
  writeFileSync(join(folder, FILE), name);
  chmodSync(folder, 0o755);
  for (const child of ["program", "home", "xdg"]) mkdirSync(join(folder, child));
  writeFileSync(join(folder, "node"), "");
  execFileSync("useradd", ["--no-create-home", "--home-dir", home, "--shell", "/bin/sh", name]);
  const uid = Number(execFileSync("id", ["--user", name], { encoding: "utf8" }));
  for (const path of [home, runtimeFolder]) chownSync(path, uid, uid);
  chmodSync(runtimeFolder, 0o700);
  execFileSync("mknod", ["-m", "666", join(folder, "tun"), "c", "10", "200"]); // as udev makes it on an ordinary machine
  let groups: readonly string[] = [];
  const base = { HOME: home, USER: name, PATH: "/usr/sbin:/usr/bin:/sbin:/bin", XDG_RUNTIME_DIR: runtimeFolder };
  const attempt: TestUser["attempt"] = async (program, args, env) => await run([join(folder, "node"), join(folder, `program/bin/${program}.js`), ...args], env);
  const run: TestUser["run"] = async (command, env = {}) =>
    await new Promise((resolve) => {
      const words = Object.entries({ ...base, ...env }).map(([key, value]) => `${key}=${value}`);
      const line = ["--reuid", name, "--regid", name, "--init-groups", "env", "-i", ...words, ...command];
      execFile(
        "unshare",
        ["--mount", "--propagation", "private", "sh", "-c", IN_PLACE, "sh", folder, projectRoot, process.execPath, ...line],
        { timeout: 300_000, maxBuffer: 64 << 20, env: { ...process.env, OWN_GROUPS: groups.join(" ") } },
        (error, stdout, stderr) => resolve({ status: error === null ? 0 : typeof error.code === "number" ? error.code : 255, stdout, stderr }),
      );
    });
  const strata: TestUser["strata"] = async (...args) => {
    const { status, stdout, stderr } = await attempt("strata", args);
    if (status !== 0) throw new Error(`strata ${args.join(" ")} ended with ${status}:\n${stderr}${stdout}`);
    return stdout.trim();
  };
  return {
    name,
    uid,
    home,
    runtimeFolder,
    folder,
    attempt,
    run,
    strata,
    async removeContainers() {
      const ids = (await strata("ps", "-aq")).split("\n").filter((id) => id !== "");
      if (ids.length > 0) await strata("rm", "-f", "-v", ...ids);
    },
    delegate(...controllers) {
      const { hierarchies } = cgroupLayout(readFileSync("/proc/self/mountinfo", "utf8"), readFileSync("/proc/self/cgroup", "utf8"));
      groups = hierarchies.filter((one) => one.controllers.some((each) => controllers.includes(each))).map(({ base: own }) => join(own, name));
      for (const group of groups) {
        mkdirSync(group);
        chownSync(group, uid, uid);
      }
    },
    processes: () => processesOf(name),
    [Symbol.dispose](): void {
      removeUserOf(folder);
      for (const group of groups) removeGroup(group);
      execFileSync("rm", ["-rf", "--", folder]);
    },
  };
}

/** The package may lie where only its owner gets to, node too: both are shown in the user's reach, to these processes alone. */
const IN_PLACE = `
folder=$1 project=$2 node=$3
shift 3
for group in $OWN_GROUPS; do echo $$ > "$group/cgroup.procs" || exit 70; done
mount --bind "$project" "$folder/program" && mount --bind "$node" "$folder/node" || exit 70
[ ! -e /dev/net/tun ] || mount --bind "$folder/tun" /dev/net/tun || exit 70
cd "$folder/home" && exec setpriv "$@"
`;

/** Idempotent; for a folder that `addUser` made. */
export function removeUserOf(folder: string): void {
  const file = join(folder, FILE);
  const name = existsSync(file) ? readFileSync(file, "utf8") : "";
  if (!name.startsWith(TEST_PREFIX) || !readFileSync("/etc/passwd", "utf8").includes(`${name}:`)) return;
  for (let pids = processesOf(name); pids.length > 0; pids = processesOf(name)) for (const pid of pids) kill(pid);
  execFileSync("userdel", [name]);
}

function processesOf(name: string): readonly number[] {
  const own = Number(execFileSync("id", ["--user", name], { encoding: "utf8" }));
  const ranges = readFileSync("/etc/subuid", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .flatMap(([owner, first, count]) => (owner === name ? [[Number(first), Number(count)] as const] : []));
  return readdirSync("/proc").flatMap((entry) => {
    const uid = /^\d+$/.test(entry) ? uidOf(entry) : undefined;
    const isTheirs = uid !== undefined && (uid === own || ranges.some(([first, count]) => uid >= first && uid < first + count));
    return isTheirs ? [Number(entry)] : [];
  });
}

/** Undefined of a zombie too: it only waits to be reaped. */
function uidOf(pid: string): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "latin1");
    return /^State:\s+Z/m.test(status) ? undefined : Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]);
  } catch {
    return undefined;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // ended meanwhile
  }
}
