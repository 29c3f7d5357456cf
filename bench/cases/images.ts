/** An image to and from a registry, by those that have stores: the whole command, as a user types it. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeBase, STRATA } from "../base.ts";
import { BASE_IMAGE } from "../builder.ts";
import { timed, type Case, type Contestant, type Place } from "../case.ts";
import { writeNoise, writeText } from "../content.ts";
import { touchMemory } from "../memory.ts";
import { startEngines, type Engine } from "../peers/engines.ts";
import { startRegistry, type BenchRegistry } from "../registry.ts";

const PEERS = ["strata", "docker", "podman"];
const TITLE = "1.5 GiB image";
/** A little more than it has as gzip, and unpacked. */
export const PACKED_MIB = 1200;
const UNPACKED_MIB = 1600;
export const IMAGE = "localhost/strata-bench/image:latest";

export const pushes: Case = {
  name: "push",
  title: TITLE,
  rounds: 3,
  peers: PEERS,
  phases: [{ name: "push", budget: { docker: 0.35, podman: 0.7 } }],
  open: async (place) => {
    const archive = await place.shared(makeImage);
    return (await place.shared(startEngines)).map((engine) => pusher(place, engine, archive));
  },
};

export const pulls: Case = {
  name: "pull",
  title: TITLE,
  rounds: 3,
  peers: PEERS,
  phases: [{ name: "pull with unpack", budget: { docker: 0.5, podman: 0.5 } }],
  open: async (place) => {
    const { host } = await place.shared(servedImage);
    return (await place.shared(startEngines)).map((engine) => ({
      name: engine.name,
      reset: engine.empty,
      measure: async () => {
        await touchMemory((PACKED_MIB + UNPACKED_MIB) * place.scale);
        return await timed(async () => await engine.pull(`${host}/bench/image:v1`));
      },
    }));
  },
};

/** Every push goes to a registry that has nothing, and begins with an image that was never packed. */
function pusher(place: Place, engine: Engine, archive: string): Contestant {
  return {
    name: engine.name,
    reset: engine.empty,
    measure: async () => {
      await engine.load(archive);
      const registry = await startRegistry(place.folder, place.registry);
      try {
        const name = `${registry.host}/bench/image:v1`;
        await engine.tag(IMAGE, name);
        await touchMemory(2 * PACKED_MIB * place.scale); // some keep what they pack
        return await timed(async () => await engine.push(name));
      } finally {
        await registry.stop();
      }
    },
  };
}

/** As an archive that all of them load: 1 GiB that no compression shrinks, and 512 MiB of text. */
export async function makeImage(place: Place): Promise<string> {
  await place.shared(makeBase);
  const { folder, run, scale } = place;
  const env = { STRATA_ROOT: join(folder, "base"), STRATA_RUN_ROOT: join(folder, "base-run") };
  const [context, archive] = [join(folder, "image"), join(folder, "image.tar")];
  mkdirSync(context);
  await writeNoise(join(context, "random.bin"), Math.round(1024 * scale));
  await writeText(join(context, "text.log"), Math.round(512 * scale));
  writeFileSync(join(context, "Dockerfile"), `FROM ${BASE_IMAGE}\nCOPY random.bin /data/\nCOPY text.log /data/\n`);
  await run([STRATA, "build", "--quiet", "--tag", IMAGE, context], env);
  await run([STRATA, "save", "--output", archive, IMAGE], env);
  rmSync(context, { recursive: true });
  return archive;
}

/** The image in a registry, packed as gzip. */
export async function servedImage(place: Place): Promise<BenchRegistry> {
  await place.shared(makeImage);
  const { folder, run } = place;
  const env = { STRATA_ROOT: join(folder, "base"), STRATA_RUN_ROOT: join(folder, "base-run") };
  const registry = await startRegistry(folder, place.registry);
  const name = `${registry.host}/bench/image:v1`;
  await run([STRATA, "tag", IMAGE, name], env);
  await run([STRATA, "push", name], env);
  return registry;
}
