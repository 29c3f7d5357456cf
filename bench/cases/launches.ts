/** The runtime alone: a container from an unpacked root, made, run to its end and removed, without an engine around it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { DEFAULT_CAPABILITIES, DEFAULT_DEVICE_RULES, DEFAULT_MOUNTS, MASKED_PATHS, READONLY_PATHS } from "../../runtime/defaults.ts";
import { openProcesses } from "../../runtime/open-processes.ts";
import { defaultSeccomp } from "../../runtime/process/seccomp/default-profile.ts";
import type { NamespaceType, Spec } from "../../runtime/spec.ts";
import { makeBase } from "../base.ts";
import { timed, type Case, type Contestant, type Place } from "../case.ts";
import { BenchError } from "../errors.ts";
import { benchCgroup } from "../sandbox.ts";

const PEERS = ["strata", "crun", "runc"];
const REPEATS = 20;
const NAMESPACES: readonly NamespaceType[] = ["pid", "mount", "uts", "ipc", "network", "cgroup"];
const HELPER = fileURLToPath(new URL("../../../build/Release/strata-helper", import.meta.url));

export const launches: Case = {
  name: "launches",
  title: `runtime alone, mean of ${REPEATS}`,
  rounds: 5,
  peers: PEERS,
  phases: [{ name: "true in new namespaces, cgroups, with seccomp", budget: { crun: 0.7 } }],
  open: async (place) => {
    const bundle = await place.shared(makeBundle);
    return await Promise.all(PEERS.filter(place.wants).map(async (name) => await launcher(place, name, bundle)));
  },
};

async function launcher(place: Place, name: string, bundle: string): Promise<Contestant> {
  const launch = name === "strata" ? await strata(place, bundle) : peer(place, name, bundle);
  return {
    name,
    reset: async () => {},
    measure: async (_, round) =>
      (await timed(async () => {
        for (let at = 0; at < REPEATS; at++) await launch(`strata-bench-${name}-${round}-${at}`);
      })) / REPEATS,
  };
}

async function strata({ folder }: Place, bundle: string): Promise<(id: string) => Promise<void>> {
  const processes = await openProcesses({ runRoot: join(folder, "launch-run"), helper: HELPER, cgroupParent: benchCgroup().slice(1) });
  return async (id) => {
    const { exitCode } = await processes.runOnce({ id, spec: specOf(bundle, id) }, { onOutput: () => {} });
    if (exitCode !== 0) throw new BenchError(`Cannot measure the helper: ${id} ended with ${exitCode}`);
  };
}

function peer({ folder, run }: Place, name: string, bundle: string): (id: string) => Promise<void> {
  return async (id) => {
    writeFileSync(join(bundle, "config.json"), JSON.stringify(specOf(bundle, id)));
    await run([name, "--root", join(folder, `launch-${name}`), "run", "--bundle", bundle, id]);
  };
}

function specOf(bundle: string, id: string): Spec {
  return {
    ociVersion: "1.0.2",
    root: { path: join(bundle, "rootfs") },
    hostname: "bench",
    mounts: DEFAULT_MOUNTS,
    process: {
      user: { uid: 0, gid: 0 },
      args: ["true"],
      env: ["PATH=/bin:/usr/bin"],
      cwd: "/",
      capabilities: { bounding: DEFAULT_CAPABILITIES, effective: DEFAULT_CAPABILITIES, permitted: DEFAULT_CAPABILITIES },
      noNewPrivileges: true,
    },
    linux: {
      namespaces: NAMESPACES.map((type) => ({ type })),
      cgroupsPath: `${benchCgroup()}/${id}`,
      resources: { devices: DEFAULT_DEVICE_RULES, pids: { limit: 1000 }, memory: { limit: 256 * 2 ** 20 } },
      maskedPaths: MASKED_PATHS,
      readonlyPaths: READONLY_PATHS,
      seccomp: defaultSeccomp(DEFAULT_CAPABILITIES),
    },
  };
}

async function makeBundle(place: Place): Promise<string> {
  const archive = await place.shared(makeBase);
  const bundle = join(place.folder, "bundle");
  const image = join(bundle, "image");
  for (const folder of [image, join(bundle, "rootfs")]) mkdirSync(folder, { recursive: true });
  await place.run(["tar", "-xf", archive, "-C", image]);
  const { Layers } = JSON.parse(await place.run(["tar", "-xOf", archive, "manifest.json"]))[0] as { Layers: readonly string[] };
  for (const layer of Layers) await place.run(["tar", "-xf", join(image, layer), "-C", join(bundle, "rootfs")]);
  return bundle;
}
