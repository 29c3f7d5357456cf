/** A race: pushes, deletes and pulls of layers that images share, against collections. What was acknowledged stays whole. */
import { expect } from "vitest";
import { digestOf } from "../../store/digest.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import type { Outcome } from "../support/cli.ts";
import { blob, manifestOf, noise, pushBlob, putManifest, type TestBlob } from "./registry.ts";

/** How long: `npm run race` makes it a minute. */
export const RACE_SECONDS = Number(process.env["STRATA_RACE_SECONDS"] ?? 8);

export interface Arena {
  /** Servers over the same content: a push goes to one, and is looked at through the next. */
  readonly urls: readonly string[];
  readonly pushers: number;
  /** Rounds of collection: each a list of commands. */
  collection(round: number): readonly (readonly string[])[];
  strata(args: readonly string[]): Promise<Outcome>;
  /** A server may say that a collection was in its way: the client pushes again. */
  readonly mayRefuse: boolean;
}

const REPOSITORIES = ["race/a", "race/b"];
const TAGS_EACH = 3;
const config = blob("{}", MEDIA_TYPE.config);
/** In every other image. */
const shared = Array.from({ length: 6 }, (_, seed) => blob(noise(20_000, seed + 1)));
/** In one image at a time, and time and again. */
export const rare = Array.from({ length: 400 }, (_, seed) => blob(noise(1_000, seed + 100)));

interface Acknowledged {
  readonly repository: string;
  readonly manifest: TestBlob;
  readonly layers: readonly TestBlob[];
}

/** Returns when time is up, and after a last collection everything that was acknowledged is there. */
export async function race(arena: Arena): Promise<void> {
  const end = Date.now() + RACE_SECONDS * 1_000;
  const kept = new Map<string, Acknowledged>();
  const counts = { pushed: 0, refused: 0, deleted: 0, collected: 0 };
  /** On a busy machine, and over a bucket, the first round of each may take all the time that there is. */
  const isOver = (): boolean => Date.now() >= end && counts.deleted > 0 && counts.collected > 0;
  const collector = async (): Promise<void> => {
    for (let round = 0; !isOver(); round++) counts.collected += await collectOnce(arena, arena.collection(round));
  };
  const pushers = Array.from({ length: arena.pushers }, async (_, id) => await pushUntil(isOver, arena, id, kept, counts));
  await Promise.all([...pushers, collector()]);
  for (const [tag, image] of kept) await isWhole(arena.urls[0]!, image, tag);
  expect(kept.size).toBeGreaterThan(0);
  await collectOnce(arena, arena.collection(1));
  const check = await arena.strata(["registry", "check", "--deep"]);
  expect([check.status, check.stdout]).toEqual([0, ""]);
  for (const [tag, image] of kept) await isWhole(arena.urls.at(-1)!, image, tag);
  expect(counts.pushed).toBeGreaterThan(arena.pushers);
  expect(counts.deleted).toBeGreaterThan(0);
  expect(counts.collected).toBeGreaterThan(0);
}

async function pushUntil(isOver: () => boolean, arena: Arena, id: number, kept: Map<string, Acknowledged>, counts: Record<string, number>): Promise<void> {
  const url = (round: number): string => arena.urls[(id + round) % arena.urls.length]!;
  const count = (what: string): void => void (counts[what] = (counts[what] ?? 0) + 1);
  for (let round = 0; !isOver(); round++) {
    const tag = `t${id}-${round % TAGS_EACH}`;
    const before = kept.get(tag);
    if (before !== undefined) {
      await isWhole(url(round), before, tag);
      kept.delete(tag);
      const path = round % 2 === 0 ? tag : before.manifest.descriptor.digest;
      expect((await fetch(`${url(round)}/v2/${before.repository}/manifests/${path}`, { method: "DELETE" })).status).toBe(202);
      count("deleted");
    }
    const layers = [shared[(id + round) % shared.length]!, shared[round % shared.length]!, rare[(id + round * arena.pushers) % rare.length]!];
    const manifest = manifestOf(config, layers, { annotations: { by: `${id}.${round}` } });
    const image = { repository: REPOSITORIES[round % 2]!, manifest, layers };
    while (!(await push(url(round), arena.mayRefuse, image, tag))) count("refused");
    count("pushed");
    await isWhole(url(round + 1), image, tag);
    kept.set(tag, image);
  }
}

/** As clients do: look, mount or send what is missing, then the manifest. False when that is refused: a client begins again. */
async function push(url: string, mayRefuse: boolean, { repository, manifest, layers }: Acknowledged, tag: string): Promise<boolean> {
  for (const part of [config, ...layers]) {
    const { digest } = part.descriptor;
    if ((await fetch(`${url}/v2/${repository}/blobs/${digest}`, { method: "HEAD" })).status === 200) continue;
    const from = REPOSITORIES.find((name) => name !== repository) ?? "";
    const mounted = await fetch(`${url}/v2/${repository}/blobs/uploads/?mount=${digest}&from=${from}`, { method: "POST" });
    if (mounted.status === 201) continue;
    const sent = await pushBlob({ url }, repository, part);
    if (mayRefuse && sent.status === 503) return false;
    expect(sent.status).toBe(201);
  }
  const reply = await putManifest({ url }, repository, tag, manifest);
  if (reply.status === 201) return true;
  const said = await reply.text();
  if (reply.status === 503 && mayRefuse) expect(said).toContain("a collection took it");
  else expect([reply.status, said]).toEqual([400, expect.stringContaining("MANIFEST_BLOB_UNKNOWN")]);
  return false;
}

async function isWhole(url: string, { repository, manifest, layers }: Acknowledged, reference: string): Promise<void> {
  const got = await fetch(`${url}/v2/${repository}/manifests/${reference}`);
  expect([reference, got.status, digestOf(Buffer.from(await got.arrayBuffer()))]).toEqual([reference, 200, manifest.descriptor.digest]);
  for (const { descriptor } of [config, ...layers]) {
    const reply = await fetch(`${url}/v2/${repository}/blobs/${descriptor.digest}`);
    expect([reply.status, digestOf(Buffer.from(await reply.arrayBuffer()))]).toEqual([200, descriptor.digest]);
  }
}

/** How much went. */
async function collectOnce(arena: Arena, commands: readonly (readonly string[])[]): Promise<number> {
  let collected = 0;
  for (const args of commands) {
    const outcome = await arena.strata(args);
    expect([args, outcome.status, outcome.stderr]).toEqual([args, 0, outcome.stderr]);
    if (args[0] === "registry") collected += outcome.stdout.split("\n").length - 1;
  }
  return collected;
}
