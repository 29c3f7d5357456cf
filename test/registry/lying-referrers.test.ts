/** Registries that lie about what is attached to an image: only manifests that name their subject themselves are taken, and every command ends. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { copyReferrers } from "../../cli/copy/copy-referrers.ts";
import { pushReferrers } from "../../registry/client/push-referrers.ts";
import { openRemote } from "../../registry/client/remote.ts";
import { openRepository } from "../../registry/client/repository.ts";
import type { Digest } from "../../store/digest.ts";
import { referrersOf } from "../../store/image/referrers.ts";
import { REFERRERS_TABLE } from "../../store/image/record.ts";
import { MEDIA_TYPE, type Descriptor } from "../../store/oci.ts";
import { openStore } from "../../store/open.ts";
import { runStrata, strataOutput } from "../support/cli.ts";
import { temporaryRoot, type TemporaryRoot, treeTool } from "../support/root.ts";
import { serveImage, type FakeRegistry } from "./fake-registry.ts";
import { configOf } from "./image.ts";
import { blob, manifestOf, startRegistry, type TestBlob } from "./registry.ts";

let root: TemporaryRoot;
beforeEach(() => void (root = temporaryRoot()));
afterEach(() => root[Symbol.dispose]());

const config = configOf();
const image = manifestOf(config, []);
const empty = blob("{}", MEDIA_TYPE.empty);
const artifact = (says: string, subject: TestBlob): TestBlob =>
  manifestOf(empty, [], { artifactType: "application/x.thing", annotations: { says }, subject: subject.descriptor });
const honest = artifact("honest", image);
const cycle = [manifestOf(config, [], { annotations: { says: "a" } }), manifestOf(config, [], { annotations: { says: "b" } })] as const;

/** Lists for each subject what `lists` says. */
async function serveLists(top: TestBlob, lists: (subject: string) => readonly TestBlob[]): Promise<FakeRegistry> {
  return await serveImage(top, [config, empty, image, honest, ...cycle], (request, response) => {
    const [, subject] = /\/referrers\/([^/?]+)$/.exec(request.url ?? "") ?? [];
    if (subject === undefined) return false;
    const manifests = lists(subject).map(({ descriptor }) => descriptor);
    response.writeHead(200, { "content-type": MEDIA_TYPE.index }).end(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.index, manifests }));
    return true;
  });
}

test("a copy takes of a list what is about the image, and a push of it ends", async () => {
  const [a, b] = cycle;
  const after = (subject: string): readonly TestBlob[] => (subject === a.descriptor.digest ? [b, honest] : subject === b.descriptor.digest ? [a] : [honest]);
  await using registry = await startRegistry({ logFormat: "none" });
  for (const [top, attached] of [
    [a, []],
    [image, [honest.descriptor.digest]],
  ] as const) {
    await using liar = await serveLists(top, after);
    const name = `${registry.host}/app:v1`;
    await strataOutput(root, "copy", "-q", `docker://${liar.host}/app:v1`, name);
    expect((await runStrata(root, ["push", "-q", name])).status).toBe(0);
    const listed = (await (await fetch(`${registry.url}/v2/app/referrers/${top.descriptor.digest}`)).json()) as { manifests: readonly Descriptor[] };
    expect(listed.manifests.map(({ digest }) => digest)).toEqual(attached);
  }
});

test("a store whose records go round in a circle is pushed from, and they stay behind", { timeout: 30_000 }, async () => {
  await using registry = await startRegistry({ logFormat: "none" });
  await using store = await openStore({ root: root.root, treeTool });
  for (const { bytes } of [config, ...cycle]) await store.blobs.put(bytes);
  const [a, b] = cycle.map(({ descriptor }) => descriptor) as [Descriptor, Descriptor];
  for (const [subject, referrer] of [
    [a, b],
    [b, a],
  ] as const)
    await store.table(REFERRERS_TABLE).put(`${subject.digest}@${referrer.digest}`, referrer);
  expect(referrersOf(store, a.digest)).toEqual([b]);
  await using remote = await openRemote(registry.host, { env: {} });
  expect(await pushReferrers(store, openRepository(remote, "app"), a, a)).toEqual({ sent: [], left: [] });
});

test("a place that makes up ever more manifests about manifests is not followed for ever", async () => {
  const made = new Map<Digest, TestBlob>();
  const next = async (subject: Digest): Promise<readonly Descriptor[]> => {
    const one = manifestOf(empty, [], { subject: { ...image.descriptor, digest: subject } });
    made.set(one.descriptor.digest, one);
    return [one.descriptor];
  };
  const content = {
    fetch: async function* ({ digest }: Descriptor) {
      yield made.get(digest)?.bytes ?? empty.bytes;
    },
    has: async () => false,
    push: async () => {},
  };
  const copying = copyReferrers({ content, referrers: next }, { content, refer: async () => {} }, image.descriptor);
  await expect(copying).rejects.toMatchObject({ code: "MANIFEST_INVALID", message: expect.stringContaining("more than 10000 manifests") as string });
});
