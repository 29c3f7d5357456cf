/** The registry server alone: blobs in and out, small manifests, memory. */
import { createHash } from "node:crypto";
import { timed, type Case, type Contestant, type Place, type Unit } from "../case.ts";
import { noise } from "../content.ts";
import { BenchError } from "../errors.ts";
import { BLOCK_BYTES, getBlob, makeBlob, putBlob, type Blob } from "../load/blobs.ts";
import { memoryUnderLoad } from "../load/memory.ts";
import { touchMemory } from "../memory.ts";
import { startRegistry, type BenchRegistry, type RegistryName } from "../registry.ts";

const SPEED: Unit = { name: "MB/s", better: "more" };
const RATE: Unit = { name: "/s", better: "more" };
const MEMORY: Unit = { name: "MiB", better: "less" };
const BLOB_BLOCKS = 512;
const LOAD_BLOCKS = 1024;
const NAME = "bench/image";
const PEERS: readonly RegistryName[] = ["strata", "docker-registry"];

export const registries: Case = {
  name: "registry",
  title: "registry server",
  rounds: 3,
  peers: PEERS,
  phases: [
    { name: "blob PUT", unit: SPEED, budget: { "docker-registry": 3 } },
    { name: "blob GET", unit: SPEED, budget: { "docker-registry": 1 } },
    { name: "small-manifest GET at 64 connections", unit: RATE, budget: { "docker-registry": 5 } },
    { name: "peak RSS while 64 clients push and pull 1 GiB blobs", unit: MEMORY, budget: {}, limit: 150 },
  ],
  open: async (place) => PEERS.filter(place.wants).map((name) => contestant(place, name)),
};

function contestant(place: Place, name: RegistryName): Contestant {
  const block = noise()(BLOCK_BYTES);
  const blocks = Math.max(1, Math.round(BLOB_BLOCKS * place.scale));
  let registry: BenchRegistry | undefined;
  let blob: Blob | undefined;
  const stop = async (): Promise<void> => {
    await registry?.stop();
    registry = undefined;
  };
  const fresh = async (): Promise<BenchRegistry> => {
    await stop();
    return (registry = await startRegistry(place.folder, name));
  };
  return {
    name,
    reset: stop,
    measure: async ({ name: phase }, round) => {
      if (phase === "blob PUT") {
        const { host } = await fresh();
        const pushed = (blob = makeBlob(block, blocks, `round ${round}`));
        await touchMemory(blocks * (BLOCK_BYTES >> 20));
        return pushed.size / 1e6 / (await timed(async () => await putBlob(host, NAME, pushed, block)));
      }
      const running = registry ?? (await fresh());
      if (phase.startsWith("peak")) {
        const peak = await memoryUnderLoad(await fresh(), block, Math.max(1, Math.round(LOAD_BLOCKS * place.scale)));
        await stop(); // with clients that it cut off: the next one's turn is not to be shared with them
        return peak;
      }
      if (blob === undefined) throw new BenchError("Cannot measure GET before PUT");
      const there = blob;
      if (phase === "blob GET") return there.size / 1e6 / (await timed(async () => await getBlob(running.host, NAME, there)));
      await putManifest(running.host, block);
      return await manifestRate(place, running.host);
    },
  };
}

async function putManifest(host: string, block: Buffer): Promise<void> {
  const config = makeBlob(block, 1, "config");
  await putBlob(host, NAME, config, block);
  const descriptor = { mediaType: "application/vnd.oci.image.config.v1+json", digest: config.digest, size: config.size };
  const body = JSON.stringify({ schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", config: descriptor, layers: [] });
  const headers = { "content-type": "application/vnd.oci.image.manifest.v1+json" };
  const answer = await fetch(`http://${host}/v2/${NAME}/manifests/v1`, { method: "PUT", headers, body });
  const digest = createHash("sha256").update(body).digest("hex");
  if (answer.headers.get("docker-content-digest") !== `sha256:${digest}`) throw new BenchError(`Cannot measure manifests: PUT gave ${answer.status}`);
}

async function manifestRate({ run }: Place, host: string): Promise<number> {
  const accept = "Accept: application/vnd.oci.image.manifest.v1+json";
  const report = await run(["wrk", "--threads", "1", "--connections", "64", "--duration", "3s", "--header", accept, `http://${host}/v2/${NAME}/manifests/v1`]);
  const rate = /^Requests\/sec:\s+([\d.]+)$/m.exec(report)?.[1];
  if (rate === undefined || report.includes("Non-2xx")) throw new BenchError(`Cannot measure manifests: wrk says\n${report}`);
  return Number(rate);
}
