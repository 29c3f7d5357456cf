/** The runtime alone, without an engine around it: a container from an unpacked root, made, run to its end and removed; and one that is entered. */
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
const SLEEP = ["sleep", "600"];
const NAMESPACES: readonly NamespaceType[] = ["pid", "mount", "uts", "ipc", "network", "cgroup"];
const ENTER = "exec of true in one that runs";
const HELPER = fileURLToPath(new URL("../../../build/Release/strata-helper", import.meta.url));

export const launches: Case = {
  name: "launches",
  title: `runtime alone, mean of ${REPEATS}`,
  rounds: 5,
  peers: PEERS,
  phases: [
    { name: "true in new namespaces, cgroups, with seccomp", budget: { crun: 0.7 } },
    { name: ENTER, budget: { crun: 1 } },
  ],
  open: async (place) => {
    const bundle = await place.shared(makeBundle);
    return await Promise.all(PEERS.filter(place.wants).map(async (name) => await launcher(place, name, bundle)));
  },
};

/** What is measured of a runtime. */
interface Launcher {
  /** From nothing to the end of `true`. */
  launch(id: string): Promise<void>;
  /** A container that sleeps; gives what runs `true` in it, and what removes it. */
  open(id: string): Promise<{ readonly enter: () => Promise<void>; readonly close: () => Promise<void> }>;
}

async function launcher(place: Place, name: string, bundle: string): Promise<Contestant> {
  const runtime = name === "strata" ? await strata(place, bundle) : peer(place, name, bundle);
  return {
    name,
    reset: async () => {},
    measure: async (phase, round) => {
      if (phase.name !== ENTER) return await meanOf(async (at) => await runtime.launch(`strata-bench-${name}-${round}-${at}`));
      const { enter, close } = await runtime.open(`strata-bench-${name}-${round}`);
      try {
        return await meanOf(enter);
      } finally {
        await close();
      }
    },
  };
}

async function meanOf(work: (at: number) => Promise<void>): Promise<number> {
  const seconds = await timed(async () => {
    for (let at = 0; at < REPEATS; at++) await work(at);
  });
  return seconds / REPEATS;
}

async function strata({ folder }: Place, bundle: string): Promise<Launcher> {
  const processes = await openProcesses({ runRoot: join(folder, "launch-run"), helper: HELPER, cgroupParent: benchCgroup().slice(1) });
  const check = ({ exitCode }: { readonly exitCode: number }, id: string): void => {
    if (exitCode !== 0) throw new BenchError(`Cannot measure the helper: ${id} ended with ${exitCode}`);
  };
  return {
    launch: async (id) => check(await processes.runOnce({ id, spec: specOf(bundle, id) }, { onOutput: () => {} }), id),
    open: async (id) => {
      await processes.run({ id, spec: specOf(bundle, id, SLEEP), stdio: { kind: "monitor", stdin: false } });
      const { process } = specOf(bundle, id);
      return {
        enter: async () => check(await (await processes.exec(id, process, { stdin: false, inherit: true })).exit, id),
        close: async () => await processes.remove(id),
      };
    },
  };
}

function peer({ folder, run }: Place, name: string, bundle: string): Launcher {
  const command = [name, "--root", join(folder, `launch-${name}`)];
  const write = (id: string, args?: readonly string[]): void => writeFileSync(join(bundle, "config.json"), JSON.stringify(specOf(bundle, id, args)));
  return {
    launch: async (id) => {
      write(id);
      await run([...command, "run", "--bundle", bundle, id]);
    },
    open: async (id) => {
      write(id, SLEEP);
      await run([...command, "run", "--detach", "--bundle", bundle, id]);
      return {
        enter: async () => void (await run([...command, "exec", id, "true"])),
        close: async () => void (await run([...command, "delete", "--force", id])),
      };
    },
  };
}

function specOf(bundle: string, id: string, args: readonly string[] = ["true"]): Spec & Required<Pick<Spec, "process">> {
  return {
    ociVersion: "1.0.2",
    root: { path: join(bundle, "rootfs") },
    hostname: "bench",
    mounts: DEFAULT_MOUNTS,
    process: {
      user: { uid: 0, gid: 0 },
      args,
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
