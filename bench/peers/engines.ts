/** Those that keep images in a store of their own, and push and pull them. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { STRATA } from "../base.ts";
import type { Place } from "../case.ts";
import { startDockerd } from "./dockerd.ts";

export interface Engine {
  readonly name: string;
  /** Leaves no image. */
  readonly empty: () => Promise<void>;
  readonly load: (archive: string) => Promise<void>;
  readonly tag: (image: string, name: string) => Promise<void>;
  readonly push: (name: string) => Promise<void>;
  /** And unpack. */
  readonly pull: (name: string) => Promise<void>;
}

export async function startEngines(place: Place): Promise<readonly Engine[]> {
  return [
    ...(place.wants("strata") ? [strata(place)] : []),
    ...(place.wants("docker") ? [await docker(place)] : []),
    ...(place.wants("podman") ? [podman(place)] : []),
  ];
}

function strata({ folder, run }: Place): Engine {
  const root = join(folder, "engine");
  const command = async (...args: readonly string[]): Promise<void> =>
    void (await run([process.execPath, STRATA, ...args], { STRATA_ROOT: root, STRATA_RUN_ROOT: join(folder, "engine-run") }));
  return {
    name: "strata",
    empty: async () => rmSync(root, { recursive: true, force: true }),
    load: async (archive) => await command("load", "--input", archive),
    tag: async (image, name) => await command("tag", image, name),
    push: async (name) => await command("push", name),
    pull: async (name) => await command("pull", name),
  };
}

async function docker({ folder, run }: Place): Promise<Engine> {
  const reach = await startDockerd(join(folder, "engine-docker"));
  const command = async (...args: readonly string[]): Promise<void> => void (await run(["/usr/bin/docker", ...reach, ...args]));
  return {
    name: "docker",
    empty: async () => await command("image", "prune", "--all", "--force"),
    load: async (archive) => await command("load", "--input", archive),
    tag: async (image, name) => await command("tag", image, name),
    push: async (name) => await command("push", "--quiet", name),
    pull: async (name) => await command("pull", "--quiet", name),
  };
}

function podman({ folder, run }: Place): Engine {
  const own = join(folder, "podman");
  mkdirSync(join(own, "tmp"), { recursive: true });
  writeFileSync(join(own, "containers.conf"), '[engine]\ncgroup_manager = "cgroupfs"\n');
  const store = ["--root", join(own, "root"), "--runroot", join(own, "run"), "--storage-driver", "overlay"];
  const command = async (...args: readonly string[]): Promise<void> =>
    void (await run(["podman", ...store, ...args], { CONTAINERS_CONF: join(own, "containers.conf"), TMPDIR: join(own, "tmp") }));
  return {
    name: "podman",
    empty: async () => await command("image", "rm", "--all", "--force"),
    load: async (archive) => await command("load", "--quiet", "--input", archive),
    tag: async (image, name) => await command("tag", image, name),
    push: async (name) => await command("push", "--quiet", "--tls-verify=false", name),
    pull: async (name) => await command("pull", "--quiet", "--tls-verify=false", name),
  };
}
