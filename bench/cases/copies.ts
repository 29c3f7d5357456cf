/** An image that is packed already, between a folder and a registry: nothing is to be done but to move and to verify it. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { STRATA } from "../base.ts";
import { timed, type Case, type Contestant, type Place } from "../case.ts";
import { touchMemory } from "../memory.ts";
import { startRegistry } from "../registry.ts";
import { PACKED_MIB, servedImage } from "./images.ts";

const PEERS = ["strata", "skopeo"];

export const copies: Case = {
  name: "copy",
  title: "1.5 GiB image, already compressed",
  rounds: 3,
  peers: PEERS,
  phases: [
    { name: "registry to folder", budget: { skopeo: 0.9 } },
    { name: "folder to registry", budget: { skopeo: 0.9 } },
  ],
  open: async (place) => {
    const { host } = await place.shared(servedImage);
    return PEERS.filter(place.wants).map((name) => copier(place, name, `docker://${host}/bench/image:v1`));
  },
};

function copier(place: Place, name: string, source: string): Contestant {
  const folder = join(place.folder, `copy-${name}`);
  const env = { STRATA_ROOT: join(place.folder, "copy-root"), STRATA_RUN_ROOT: join(place.folder, "copy-run"), TMPDIR: place.folder };
  const copy = async (from: string, to: string): Promise<number> => {
    const insecure = [...(from.startsWith("docker:") ? ["--src-tls-verify=false"] : []), ...(to.startsWith("docker:") ? ["--dest-tls-verify=false"] : [])];
    await touchMemory(2 * PACKED_MIB * place.scale); // not all of it is found again
    const command = name === "strata" ? [STRATA, "copy"] : ["skopeo", "--insecure-policy", "copy", "--quiet", ...insecure];
    return await timed(async () => await place.run([...command, from, to], env));
  };
  return {
    name,
    reset: async () => rmSync(folder, { recursive: true, force: true }),
    measure: async ({ name: phase }) => {
      if (phase === "registry to folder") return await copy(source, `oci:${folder}:v1`);
      const registry = await startRegistry(place.folder, place.registry);
      try {
        return await copy(`oci:${folder}:v1`, `docker://${registry.host}/bench/image:v1`);
      } finally {
        await registry.stop();
      }
    },
  };
}
