/** A small root of this machine's own programs and Processes on throw-away folders; everything is gone at the end, also after a failure. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readlinkSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DEFAULT_CAPABILITIES, DEFAULT_DEVICE_RULES, DEFAULT_MOUNTS, MASKED_PATHS, READONLY_PATHS } from "../../runtime/defaults.ts";
import { openProcesses } from "../../runtime/open-processes.ts";
import { defaultSeccomp } from "../../runtime/process/seccomp/default-profile.ts";
import type { CreateRequest, ExitRecord, Processes, RootLayers } from "../../runtime/process.ts";
import type { LinuxSpec, NamespaceType, ProcessSpec, Spec } from "../../runtime/spec.ts";
import { helper, TEST_PREFIX, temporaryRoot } from "../support/root.ts";

const PROGRAMS =
  "sh cat ls id sleep grep stat hostname dd head tail wc mkdir ln readlink touch rm stty tty env nproc yes kill ps mount cut tr sort seq echo true pwd chmod timeout mknod tee";

export interface Overrides {
  readonly process?: Partial<ProcessSpec>;
  readonly linux?: Partial<LinuxSpec>;
  readonly spec?: Partial<Spec>;
  readonly lowers?: readonly string[];
}

export interface Outcome {
  readonly exit: ExitRecord;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Lab extends AsyncDisposable {
  readonly processes: Processes;
  readonly runRoot: string;
  readonly folder: string;
  /** A root with some programs and `/bin/probe`. */
  readonly rootfs: string;
  id(): string;
  layers(lowers?: readonly string[]): RootLayers;
  spec(args: readonly string[], overrides?: Overrides): Spec;
  request(args: readonly string[], overrides?: Overrides): Omit<CreateRequest, "stdio">;
  /** A shell script, to its end. */
  shell(script: string, overrides?: Overrides): Promise<Outcome>;
  run(args: readonly string[], overrides?: Overrides): Promise<Outcome>;
}

export async function openLab(): Promise<Lab> {
  const temporary = temporaryRoot();
  const rootfs = join(temporary.root, "rootfs");
  makeRootfs(rootfs);
  const { runRoot } = temporary;
  const processes = await openProcesses({ runRoot, helper });
  const ids: string[] = [];
  const id = (): string => {
    const fresh = `${TEST_PREFIX}${randomBytes(6).toString("hex")}`;
    ids.push(fresh);
    return fresh;
  };
  const layers = (lowers: readonly string[] = [rootfs]): RootLayers => {
    const name = randomBytes(6).toString("hex");
    const [upper, work] = ["upper", "work"].map((kind) => join(temporary.root, `${name}-${kind}`));
    if (upper === undefined || work === undefined) throw new Error("no name");
    mkdirSync(upper);
    mkdirSync(work);
    return { lowers, upper, work };
  };
  const request = (args: readonly string[], overrides: Overrides = {}): Omit<CreateRequest, "stdio"> => ({
    id: id(),
    spec: spec(args, overrides),
    layers: layers(overrides.lowers),
  });
  const run = async (args: readonly string[], overrides: Overrides = {}): Promise<Outcome> => {
    const said = { stdout: "", stderr: "" };
    const exit = await processes.runOnce(request(args, overrides), {
      onOutput: (stream, data) => {
        said[stream] += Buffer.from(data).toString("latin1");
      },
    });
    return { exit, ...said };
  };
  return {
    processes,
    runRoot,
    folder: temporary.root,
    rootfs,
    id,
    layers,
    spec,
    request,
    run,
    shell: async (script, overrides) => await run(["/bin/sh", "-c", script], overrides),
    async [Symbol.asyncDispose](): Promise<void> {
      for (const one of ids) await processes.remove(one).catch(() => undefined);
      temporary[Symbol.dispose]();
    },
  };
}

export const NAMESPACES: readonly NamespaceType[] = ["pid", "mount", "uts", "ipc", "network", "cgroup"];

function spec(args: readonly string[], { process = {}, linux = {}, spec: rest = {} }: Overrides = {}): Spec {
  return {
    ociVersion: "1.2.0",
    root: { path: "rootfs" },
    hostname: "box",
    mounts: DEFAULT_MOUNTS,
    ...rest,
    process: {
      user: { uid: 0, gid: 0 },
      args,
      env: ["PATH=/bin"],
      cwd: "/",
      capabilities: { bounding: DEFAULT_CAPABILITIES, effective: DEFAULT_CAPABILITIES, permitted: DEFAULT_CAPABILITIES },
      ...process,
    },
    linux: {
      namespaces: NAMESPACES.map((type) => ({ type })),
      resources: { devices: DEFAULT_DEVICE_RULES },
      maskedPaths: MASKED_PATHS,
      readonlyPaths: READONLY_PATHS,
      seccomp: defaultSeccomp(DEFAULT_CAPABILITIES),
      ...linux,
    },
  };
}

/** Programs with the libraries that ldd names, and the probe. */
function makeRootfs(rootfs: string): void {
  for (const folder of ["bin", "etc", "tmp", "root", "proc", "sys", "dev"]) mkdirSync(join(rootfs, folder), { recursive: true });
  const paths = PROGRAMS.split(" ").map((name) => ["/bin", "/usr/bin"].map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? name);
  for (const path of paths) cpSync(realpathSync(path), join(rootfs, "bin", basename(path)));
  const libraries = new Set(execFileSync("ldd", paths, { encoding: "utf8" }).match(/\/\S*\.so\S*/g));
  for (const library of libraries) {
    mkdirSync(join(rootfs, dirname(library)), { recursive: true });
    cpSync(realpathSync(library), join(rootfs, library));
  }
  writeFileSync(join(rootfs, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n");
  execFileSync("gcc", ["-std=gnu17", "-O1", "-static", "-o", join(rootfs, "bin/probe"), fileURLToPath(new URL("probe/probe.c", import.meta.url))]);
}

/** `links` are symlinks that an image ships: name to target. */
export function maliciousLayer(lab: Lab, links: Readonly<Record<string, string>>, files: Readonly<Record<string, string>> = {}): string {
  const folder = join(lab.folder, `layer-${randomBytes(4).toString("hex")}`);
  mkdirSync(folder);
  for (const [name, target] of Object.entries(links)) {
    mkdirSync(join(folder, dirname(name)), { recursive: true });
    symlinkSync(target, join(folder, name));
  }
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(name)), { recursive: true });
    writeFileSync(join(folder, name), text, { mode: 0o755 });
  }
  return folder;
}

export function namespaceOf(pid: number | "self", type: string): string {
  return readlinkSync(`/proc/${pid}/ns/${type}`);
}
