/** Collections race pushes, deletes and pulls of layers that are shared: what was acknowledged stays whole. STRATA_RACE_SECONDS makes it longer. */
import { utimesSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { digestOf } from "../../store/digest.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { openStore } from "../../store/open.ts";
import { runStrata, serveStrata, type Outcome, type Server } from "../support/cli.ts";
import { temporaryRoot, type TemporaryRoot, treeTool } from "../support/root.ts";
import { blob, manifestOf, noise, pushBlob, putManifest, type TestBlob } from "./registry.ts";

const SECONDS = Number(process.env["STRATA_RACE_SECONDS"] ?? 8);
const REPOSITORIES = ["race/a", "race/b"];
const PUSHERS = 4;
const TAGS_EACH = 3;
const config = blob("{}", MEDIA_TYPE.config);
/** In every other image; those of `old` are in the store since long ago, and in no repository. */
const shared = Array.from({ length: 6 }, (_, seed) => blob(noise(20_000, seed + 1)));
const old = Array.from({ length: 400 }, (_, seed) => blob(noise(1_000, seed + 100)));

let root: TemporaryRoot;
let server: Server;
let url: string;

beforeAll(async () => {
  root = temporaryRoot();
  {
    await using store = await openStore({ root: root.root, treeTool });
    const longAgo = new Date(Date.now() - 7_200_000);
    for (const { bytes, descriptor } of old) {
      await store.blobs.put(bytes);
      utimesSync(store.blobs.path(descriptor.digest), longAgo, longAgo);
    }
  }
  server = await serveStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0", "--log-format", "none"], /listening on (127\.0\.0\.1:\d+)/);
  url = `http://${server.match[1]}`;
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  root[Symbol.dispose]();
});

interface Acknowledged {
  readonly repository: string;
  readonly manifest: TestBlob;
  readonly layers: readonly TestBlob[];
}

/** As clients do: look, mount or send what is missing, then the manifest. False when that is refused: a client begins again. */
async function push({ repository, manifest, layers }: Acknowledged, tag: string): Promise<boolean> {
  for (const part of [config, ...layers]) {
    const { digest } = part.descriptor;
    if ((await fetch(`${url}/v2/${repository}/blobs/${digest}`, { method: "HEAD" })).status === 200) continue;
    const from = REPOSITORIES.find((name) => name !== repository) ?? "";
    const mounted = await fetch(`${url}/v2/${repository}/blobs/uploads/?mount=${digest}&from=${from}`, { method: "POST" });
    if (mounted.status !== 201) expect((await pushBlob({ url }, repository, part)).status).toBe(201);
  }
  const reply = await putManifest({ url }, repository, tag, manifest);
  if (reply.status !== 201) expect([reply.status, await reply.text()]).toEqual([400, expect.stringContaining("MANIFEST_BLOB_UNKNOWN")]);
  return reply.status === 201;
}

async function isWhole({ repository, manifest, layers }: Acknowledged, reference: string): Promise<void> {
  const got = await fetch(`${url}/v2/${repository}/manifests/${reference}`);
  expect([reference, got.status, digestOf(Buffer.from(await got.arrayBuffer()))]).toEqual([reference, 200, manifest.descriptor.digest]);
  for (const { descriptor } of [config, ...layers]) {
    const reply = await fetch(`${url}/v2/${repository}/blobs/${descriptor.digest}`);
    expect([reply.status, digestOf(Buffer.from(await reply.arrayBuffer()))]).toEqual([200, descriptor.digest]);
  }
}

test(
  `for ${SECONDS} s nothing that was acknowledged is lost`,
  async () => {
    const end = Date.now() + SECONDS * 1_000;
    const kept = new Map<string, Acknowledged>();
    const counts = { pushed: 0, refused: 0, deleted: 0, collected: 0 };
    const pusher = async (id: number): Promise<void> => {
      for (let round = 0; Date.now() < end; round++) {
        const tag = `t${id}-${round % TAGS_EACH}`;
        const before = kept.get(tag);
        if (before !== undefined) {
          await isWhole(before, tag);
          kept.delete(tag);
          const path = round % 2 === 0 ? tag : before.manifest.descriptor.digest;
          expect((await fetch(`${url}/v2/${before.repository}/manifests/${path}`, { method: "DELETE" })).status).toBe(202);
          counts.deleted++;
        }
        const layers = [shared[(id + round) % shared.length]!, shared[round % shared.length]!, old[(id + round * PUSHERS) % old.length]!];
        const manifest = manifestOf(config, layers, { annotations: { by: `${id}.${round}` } });
        const image = { repository: REPOSITORIES[round % 2]!, manifest, layers };
        while (!(await push(image, tag))) counts.refused++;
        counts.pushed++;
        await isWhole(image, tag);
        kept.set(tag, image);
      }
    };
    const collector = async (): Promise<void> => {
      for (let round = 0; Date.now() < end; round++) {
        for (const args of [
          ["registry", "gc", "--grace", String(round % 2), ...(round % 3 === 0 ? [] : ["--untagged"])],
          ["system", "prune", "--force"],
        ]) {
          const outcome: Outcome = await runStrata(root, args);
          expect([args, outcome.status, outcome.stderr]).toEqual([args, 0, outcome.stderr]);
          if (args[0] === "registry") counts.collected += outcome.stdout.split("\n").length - 1;
        }
      }
    };
    await Promise.all([...Array.from({ length: PUSHERS }, async (_, id) => await pusher(id)), collector()]);
    for (const [tag, image] of kept) await isWhole(image, tag);
    expect(kept.size).toBeGreaterThan(0);
    expect((await runStrata(root, ["registry", "gc", "--grace", "0", "--untagged"])).status).toBe(0);
    expect((await runStrata(root, ["system", "prune", "--force"])).status).toBe(0);
    const check = await runStrata(root, ["registry", "check", "--deep"]);
    expect([check.status, check.stdout]).toEqual([0, ""]);
    for (const [tag, image] of kept) await isWhole(image, tag);
    expect(counts.pushed).toBeGreaterThan(PUSHERS);
    expect(counts.deleted).toBeGreaterThan(0);
    expect(counts.collected).toBeGreaterThan(0);
  },
  SECONDS * 1_000 + 60_000,
);
