/** Runs in the machine: its programs as their users run them, and an image of busybox for their containers. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { DEFAULT_CAPABILITIES, DEFAULT_DEVICE_RULES, DEFAULT_MOUNTS, MASKED_PATHS, READONLY_PATHS } from "../../runtime/defaults.ts";
import type { Spec } from "../../runtime/spec.ts";

export const IMAGE = "local/box";
const ROOTFS = "/tmp/box";
const APPLETS = ["sh", "cat", "sleep", "tail", "dd", "head", "ls", "wc", "grep", "mkdir", "touch", "rm", "httpd", "id", "stat"];

export interface Ended {
  readonly status: number | null;
  readonly text: string;
  readonly said: string;
}

/** Never throws for an exit status. */
export function attempt(program: "strata" | "strata-runtime", ...args: readonly string[]): Ended {
  const { status, stdout, stderr } = spawnSync(`/strata/bin/${program}.js`, args, { encoding: "utf8" });
  return { status, text: stdout.trim(), said: stderr.trim() };
}

/** What it printed; how it failed where it did. */
export function strata(...args: readonly string[]): string {
  const { status, text, said } = attempt("strata", ...args);
  return status === 0 ? text : `${String(status)}: ${text} ${said}`.trim();
}

export function strataRuntime(...args: readonly string[]): string {
  const { status, text, said } = attempt("strata-runtime", ...args);
  return status === 0 ? text : `${String(status)}: ${text} ${said}`.trim();
}

/** In the background: it keeps what it was started with, so a pipe would be waited for. */
export function detach(bundle: string, id: string): void {
  const { status } = spawnSync("/strata/bin/strata-runtime.js", ["run", "--detach", "--bundle", bundle, id], { stdio: "ignore" });
  if (status !== 0) throw new Error(`strata-runtime run --detach ended with ${String(status)}`);
}

const CLIENT = ["-v", "/usr/bin/node:/bin/node:ro", "-v", "/lib:/lib:ro", "-v", "/lib64:/lib64:ro", "-v", "/usr/lib:/usr/lib:ro"];
const FETCH = "fetch(process.argv[1]).then((r) => r.text()).then((text) => console.log(text.trim()), (error) => console.log(String(error.cause ?? error)))";

/** What an address answers to the machine, or to a container on a network. */
export function ask(url: string, network?: string): string {
  if (network !== undefined) return strata("run", "--rm", "--network", network, ...CLIENT, IMAGE, "node", "-e", FETCH, url);
  return spawnSync(process.execPath, ["-e", FETCH, url], { encoding: "utf8" }).stdout.trim();
}

/** A file of the group that the container's program is in. */
export function groupFile(pid: string, name: string): string {
  const path = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().replace("0::", "");
  return readFileSync(`/sys/fs/cgroup${path}/${name}`, "utf8").trim();
}

/** A root of busybox, with two files that a security module may hide. */
export function makeRootfs(): string {
  rmSync(ROOTFS, { recursive: true, force: true });
  for (const name of ["bin", "proc", "sys", "dev", "etc", "tmp", "data"]) mkdirSync(`${ROOTFS}/${name}`, { recursive: true });
  cpSync("/bin/busybox", `${ROOTFS}/bin/busybox`);
  for (const name of APPLETS) symlinkSync("busybox", `${ROOTFS}/bin/${name}`);
  for (const name of ["secret", "other"]) writeFileSync(`${ROOTFS}/${name}`, `${name}\n`);
  return ROOTFS;
}

export function importImage(): string {
  spawnSync("tar", ["-C", makeRootfs(), "-cf", "/tmp/box.tar", "."]);
  return strata("import", "/tmp/box.tar", IMAGE);
}

/** For `strata-runtime`; its root is the one of the image. Gives its folder. */
export function makeBundle(name: string, args: readonly string[], change: (spec: Spec) => Spec = (spec) => spec): string {
  const bundle = `/tmp/bundle-${name}`;
  const capabilities = { bounding: DEFAULT_CAPABILITIES, effective: DEFAULT_CAPABILITIES, permitted: DEFAULT_CAPABILITIES };
  const spec: Spec = {
    ociVersion: "1.2.0",
    root: { path: ROOTFS },
    mounts: DEFAULT_MOUNTS,
    process: { user: { uid: 0, gid: 0 }, args, env: ["PATH=/bin"], cwd: "/", capabilities },
    linux: {
      namespaces: (["pid", "mount", "uts", "ipc", "network", "cgroup"] as const).map((type) => ({ type })),
      resources: { devices: DEFAULT_DEVICE_RULES },
      maskedPaths: MASKED_PATHS,
      readonlyPaths: READONLY_PATHS,
    },
  };
  mkdirSync(bundle, { recursive: true });
  writeFileSync(`${bundle}/config.json`, JSON.stringify(change(spec)));
  return bundle;
}
