/** Those that keep images in a store of their own, push, pull and run them. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { STRATA } from "../base.ts";
import type { Place } from "../case.ts";
import { benchCgroup } from "../sandbox.ts";
import { startDockerd } from "./dockerd.ts";

export interface Engine {
  readonly name: string;
  /** Any of its commands; they have the same words. Gives what it printed. */
  readonly command: (...args: readonly string[]) => Promise<string>;
  /** Flags of `run` that keep what it makes inside the sandbox. */
  readonly runFlags: readonly string[];
  /** Leaves no image. */
  readonly empty: () => Promise<void>;
  readonly load: (archive: string) => Promise<void>;
  readonly tag: (image: string, name: string) => Promise<void>;
  readonly push: (name: string) => Promise<void>;
  /** And unpack. */
  readonly pull: (name: string) => Promise<void>;
}

/** Without limits of its own podman asks for more open files than a container's root may have. */
const PODMAN_CONFIGURATION = `[containers]
default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
`;

export async function startEngines(place: Place): Promise<readonly Engine[]> {
  return [
    ...(place.wants("strata") ? [strata(place)] : []),
    ...(place.wants("docker") ? [await docker(place)] : []),
    ...(place.wants("podman") ? [podman(place)] : []),
  ];
}

function strata({ folder, run }: Place): Engine {
  const root = join(folder, "engine");
  const command = async (...args: readonly string[]): Promise<string> => await run([STRATA, ...args], { STRATA_ROOT: root, STRATA_RUN_ROOT: "/run/strata" });
  return {
    name: "strata",
    command,
    runFlags: [],
    empty: async () => rmSync(root, { recursive: true, force: true }),
    load: async (archive) => void (await command("load", "--input", archive)),
    tag: async (image, name) => void (await command("tag", image, name)),
    push: async (name) => void (await command("push", name)),
    pull: async (name) => void (await command("pull", name)),
  };
}

async function docker({ folder, run }: Place): Promise<Engine> {
  const reach = await startDockerd(join(folder, "engine-docker"));
  const command = async (...args: readonly string[]): Promise<string> => await run(["/usr/bin/docker", ...reach, ...args]);
  return {
    name: "docker",
    command,
    runFlags: [],
    empty: async () => void (await command("image", "prune", "--all", "--force")),
    load: async (archive) => void (await command("load", "--input", archive)),
    tag: async (image, name) => void (await command("tag", image, name)),
    push: async (name) => void (await command("push", "--quiet", name)),
    pull: async (name) => void (await command("pull", "--quiet", name)),
  };
}

function podman({ folder, run }: Place): Engine {
  const own = join(folder, "podman");
  mkdirSync(join(own, "tmp"), { recursive: true });
  writeFileSync(join(own, "containers.conf"), PODMAN_CONFIGURATION);
  const store = ["--root", join(own, "root"), "--runroot", join(own, "run"), "--storage-driver", "overlay"];
  const command = async (...args: readonly string[]): Promise<string> =>
    await run(["podman", ...store, ...args], { CONTAINERS_CONF: join(own, "containers.conf"), TMPDIR: join(own, "tmp") });
  return {
    name: "podman",
    command,
    runFlags: ["--cgroup-parent", `${benchCgroup()}/podman`],
    empty: async () => void (await command("image", "rm", "--all", "--force")),
    load: async (archive) => void (await command("load", "--quiet", "--input", archive)),
    tag: async (image, name) => void (await command("tag", image, name)),
    push: async (name) => void (await command("push", "--quiet", "--tls-verify=false", name)),
    pull: async (name) => void (await command("pull", "--quiet", "--tls-verify=false", name)),
  };
}
