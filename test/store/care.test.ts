import { fork, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test, vi } from "vitest";
import { digestOf, type Digest } from "../../store/digest.ts";
import { exportableImage } from "../../store/image/exportable.ts";
import { openStore } from "../../store/open.ts";
import type { Descriptor } from "../../store/oci.ts";
import { ownedName } from "../../store/owner.ts";
import type { Damage, Layer } from "../../store/store.ts";
import { storeOfEachTest } from "../support/store.ts";
import { projectRoot, treeTool } from "../support/root.ts";

const { place, store } = storeOfEachTest();

async function layer(name: string, parent?: Layer): Promise<Layer> {
  return await store.snapshots.write(parent?.chainID, [
    { path: name, type: "file", mode: 0o644, uid: 0, gid: 0, mtime: 0, source: { bytes: Buffer.from(name) } },
  ]);
}

async function image(name: string, ...layers: readonly Layer[]): Promise<Descriptor> {
  const target = await store.images.assemble(layers, {
    os: "linux",
    architecture: "amd64",
    author: name,
    rootfs: { type: "layers", diff_ids: layers.map(({ diffID }) => diffID) },
  });
  await store.images.tag(name, target);
  return target;
}

/** An image of a layer and the one below it. */
async function unnamed(top: Layer): Promise<Descriptor> {
  const below = top.parent === undefined ? [] : [(await store.snapshots.get(top.parent))!];
  const layers = [...below, top];
  return await store.images.assemble(layers, { os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: layers.map(({ diffID }) => diffID) } });
}

const isHere = async (at: Layer): Promise<boolean> => (await store.snapshots.get(at.chainID)) !== undefined && existsSync(at.folder);

describe("images", () => {
  test("are found by name, digest, id and the beginning of an id", async () => {
    const base = await layer("base");
    const target = await image("hello:v1", base);
    const { id } = await store.images.open("hello:v1");
    for (const reference of [
      "hello:v1",
      "docker.io/library/hello:v1",
      target.digest,
      id,
      id.slice(7, 19),
      id.slice(7, 10),
      id.slice(0, 20),
      `hello@${target.digest}`,
    ]) {
      expect((await store.images.find(reference))?.name, reference).toBe("docker.io/library/hello:v1");
    }
    for (const reference of ["hello", "hello:v2", id.slice(7, 9), digestOf("x"), "not a name"])
      expect(await store.images.find(reference), reference).toBeUndefined();
    await expect(store.images.open("hello:v2")).rejects.toMatchObject({ code: "IMAGE_UNKNOWN" });
  });

  test("lose their name to a newer one and are kept without it", async () => {
    const base = await layer("base");
    const first = await image("hello", base);
    const second = await image("hello", base, await layer("more", base));
    expect(second.digest).not.toBe(first.digest);
    expect((await store.images.list()).map(({ name, target }) => [name, target.digest])).toEqual([
      [undefined, first.digest],
      ["docker.io/library/hello:latest", second.digest],
    ]);
    await store.images.tag("old", first);
    expect((await store.images.list()).map(({ name }) => name)).toEqual(["docker.io/library/hello:latest", "docker.io/library/old:latest"]);
  });

  test("are no younger for another name, or layers that are packed", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: 1_000 });
    try {
      const base = await layer("base");
      const target = await image("one", base);
      vi.setSystemTime(5_000);
      const packed = await exportableImage(store, target, { compression: "gzip" });
      expect(packed.digest).not.toBe(target.digest);
      for (const [name, same] of [
        ["one", target],
        ["two", target],
        ["packed", packed],
      ] as const)
        expect([name, (await store.images.tag(name, same)).storedAt]).toEqual([name, 1_000]);
      await image("other", await layer("more", base));
      expect((await store.images.open("other")).storedAt).toBe(5_000);
      await store.images.tag("one", (await store.images.find("other"))!.target);
      expect((await store.images.open("one")).storedAt).toBe(5_000);
    } finally {
      vi.useRealTimers();
    }
  });

  test("go by name, and by id only with all names when forced", async () => {
    const target = await image("one", await layer("base"));
    await store.images.tag("two", target);
    const { id } = await store.images.open("one");
    await expect(store.images.remove(id.slice(7, 19))).rejects.toMatchObject({ code: "IMAGE_IN_USE" });
    expect(await store.images.remove("one")).toEqual({ id, untagged: ["docker.io/library/one:latest"], deleted: undefined });
    await store.images.tag("three", target);
    expect(await store.images.remove(id.slice(7, 19), { force: true })).toEqual({
      id,
      untagged: ["docker.io/library/three:latest", "docker.io/library/two:latest"],
      deleted: id,
    });
    await expect(store.images.remove("one")).rejects.toMatchObject({ code: "IMAGE_UNKNOWN" });
  });
});

describe("collect", () => {
  test("removes what nothing holds, and only that", async () => {
    const base = await layer("base");
    const [kept, lost] = [await layer("kept", base), await layer("lost", base)];
    await image("kept", base, kept);
    const target = await image("lost", base, lost);
    const packed = await exportableImage(store, target, { compression: "gzip" });
    await store.images.remove("lost");
    const collected = await store.care.collect();
    expect([await isHere(base), await isHere(kept), await isHere(lost)]).toEqual([true, true, false]);
    expect(collected.layers).toEqual([lost.chainID]);
    expect(collected.blobs).toEqual(expect.arrayContaining([target.digest, packed.digest]));
    expect(collected.bytes).toBeGreaterThan(0);
    expect(await store.images.read((await store.images.find("kept"))!.target)).toMatchObject({ chain: kept.chainID });
    expect((await store.care.collect()).bytes).toBe(0);
  });

  const holders: readonly { readonly name: string; readonly hold: (at: Layer) => Promise<void>; readonly release: (at: Layer) => Promise<unknown> }[] = [
    {
      name: "a writable snapshot",
      hold: async (at) => void (await store.snapshots.prepare("container", at.chainID)),
      release: async () => await store.snapshots.remove("container"),
    },
    { name: "a lease", hold: async (at) => await store.leases.hold("work", { chains: [at.chainID] }), release: async () => await store.leases.release("work") },
    {
      name: "a record of another room",
      hold: async (at) => await store.table("runtime.things").put("x", { deep: [at.chainID] }),
      release: async () => await store.table("runtime.things").remove("x"),
    },
    {
      name: "a record of the tar as a blob",
      hold: async (at) => await store.table("registry.blobs").put(`a/b@${at.diffID}`, { size: 1 }),
      release: async (at) => await store.table("registry.blobs").remove(`a/b@${at.diffID}`),
    },
    {
      name: "the build cache",
      hold: async (at) => await store.table("builder.cache").put("key", { chain: at.chainID }),
      release: async () => await store.table("builder.cache").remove("key"),
    },
    {
      name: "an image without a name",
      hold: async (at) => void (await store.images.keep(await unnamed(at))),
      release: async (at) => await store.images.remove((await unnamed(at)).digest),
    },
  ];
  test.each(holders)("spares what $name holds, with all that is below", async ({ hold, release }) => {
    const base = await layer("base");
    const top = await layer("top", base);
    const only = await layer("only");
    await hold(top);
    await store.care.collect();
    expect([await isHere(only), await isHere(top)]).toEqual([false, true]);
    await release(top);
    await store.care.collect();
    expect(await isHere(top)).toBe(false);
    expect(readdirSync(join(place.root, "layers"))).toEqual([]);
  });

  test("spares a sha512 blob that a record names", async () => {
    const { digest } = await store.blobs.put("by another algorithm", "sha512");
    await store.table("registry.blobs").put(`a/b@${digest}`, { size: 20 });
    await store.care.collect();
    expect(await store.blobs.stat(digest)).toBeDefined();
    await store.table("registry.blobs").remove(`a/b@${digest}`);
    await store.care.collect();
    expect(await store.blobs.stat(digest)).toBeUndefined();
  });

  test("ends uploads that nobody went on with for a week", async () => {
    const [old, young] = [await store.ingests.create(), await store.ingests.create()];
    const before = Date.now() / 1000 - 8 * 24 * 3600;
    utimesSync(join(place.root, "ingest", `upload-${old.id}`), before, before);
    await store.care.collect();
    expect(readdirSync(join(place.root, "ingest")).filter((name) => name.startsWith("upload-"))).toEqual([`upload-${young.id}`]);
    await Promise.all([old, young].map(async (ingest) => await ingest[Symbol.asyncDispose]()));
  });

  test("takes the build cache too when asked, and nothing on a dry run", async () => {
    const cached = await layer("cached");
    await store.table("builder.cache").put("key", { chain: cached.chainID });
    expect((await store.care.collect({ cache: true, dryRun: true })).layers).toEqual([cached.chainID]);
    expect(await isHere(cached)).toBe(true);
    await store.care.collect({ cache: true });
    expect(await isHere(cached)).toBe(false);
  });

  test("keeps the blob that a pulled layer came as, for it cannot be written again", async () => {
    const source = await layer("pulled");
    const blob = await store.snapshots.blob(source.chainID, "gzip");
    await using other = await openStore({ root: join(place.runRoot, "other"), treeTool });
    const pulled = await other.snapshots.apply(undefined, blob, source.diffID, store.blobs.open(blob.digest));
    await other.leases.hold("x", { chains: [pulled.chainID] });
    await other.care.collect();
    expect(await other.blobs.stat(blob.digest)).toBeDefined();
    for await (const _ of other.snapshots.tar(pulled.chainID));
  });

  /** A process with the store open that sends what `action` gives and stays. */
  function atWork(action: string): ChildProcess {
    const script = join(place.runRoot, "writer.mjs");
    writeFileSync(
      script,
      `import { openStore } from ${JSON.stringify(join(projectRoot, "dist/store/open.js"))};
      const store = await openStore({ root: process.argv[2], treeTool: process.argv[3] });
      process.send(${action});
      setInterval(() => {}, 1000);`,
    );
    return fork(script, [place.root, treeTool], { execArgv: [] });
  }

  test("spares a layer that a process at work relies on, with all below", async () => {
    const base = await layer("base");
    const top = await layer("top", base);
    const user = atWork(`(await store.snapshots.use(${JSON.stringify(top.chainID)})).chainID`);
    await once(user, "message");
    await store.care.collect();
    const spared = [await store.snapshots.get(top.chainID), await store.snapshots.get(base.chainID)];
    user.kill("SIGKILL");
    await once(user, "exit");
    expect(spared).toEqual([top, base]);
    expect(await store.care.collect()).toMatchObject({ layers: expect.arrayContaining([top.chainID, base.chainID]) as unknown });
  });

  test("spares what a process at work elsewhere has just written", async () => {
    const writer = atWork('(await store.blobs.put("not yet named")).digest');
    const [digest] = (await once(writer, "message")) as [Digest];
    await store.care.collect();
    const spared = await store.blobs.stat(digest);
    writer.kill("SIGKILL");
    await once(writer, "exit");
    expect(spared).toBeDefined();
    await store.care.collect();
    expect(await store.blobs.stat(digest)).toBeUndefined();
  });

  test("forgets the ephemeral leases and snapshots of dead processes, not those of the living", async () => {
    const child = spawn("sleep", ["60"]);
    child.kill("SIGKILL");
    await once(child, "exit");
    const base = await layer("base");
    await store.leases.hold("mine", { chains: [base.chainID] }, { ephemeral: true });
    await store.snapshots.prepare("mine", undefined, { ephemeral: true });
    await store.table("store.leases").put("dead", { chains: [], digests: [], owner: ownedName().replace(/^\d+\.\d+/, `${child.pid}.12345`) });
    await store.care.collect();
    expect(store.leases.list()).toEqual(["mine"]);
    await using again = await openStore({ root: place.root, treeTool });
    expect(await again.snapshots.active("mine")).toBeDefined();
  });
});

describe("check", () => {
  async function damages(): Promise<readonly Damage[]> {
    const found: Damage[] = [];
    for await (const damage of store.care.check()) found.push(damage);
    return found;
  }

  test("says nothing of a store that is whole", async () => {
    await image("hello", await layer("base"));
    await exportableImage(store, (await store.images.find("hello"))!.target, { compression: "gzip" });
    expect(await damages()).toEqual([]);
  });

  test("names a blob whose content changed, a layer whose file changed, and what is gone", async () => {
    const [base, gone] = [await layer("base"), await layer("gone")];
    const target = await image("hello", base);
    const blob = await store.blobs.put("content");
    writeFileSync(store.blobs.path(blob.digest), "changed");
    writeFileSync(join(base.folder, "base"), "BASE");
    rmSync(gone.folder, { recursive: true });
    await store.blobs.remove((await store.images.read(target)).id);
    const found = (await damages()).map(({ what, problem }) => `${what}: ${problem}`).join("\n");
    for (const part of [blob.digest, `layer ${base.chainID}`, `layer ${gone.chainID}: its folder`, "docker.io/library/hello:latest: sha256:"])
      expect(found).toContain(part);
  });
});

describe("check, of packed forms", () => {
  const problems = async (): Promise<readonly string[]> => {
    const found: string[] = [];
    for await (const { what, problem } of store.care.check()) found.push(`${what}: ${problem}`);
    return found;
  };

  async function keepAs(of: Layer, packed: Uint8Array): Promise<Digest> {
    const { digest, size } = await store.blobs.put(packed);
    const form = { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest, size };
    await store.table<{ blobs: object }>("store.diffs").update(of.diffID, (diff) => diff && { ...diff, blobs: { ...diff.blobs, gzip: form } });
    return digest;
  }

  test("finds one of another layer, and one that does not unpack", async () => {
    const [one, other, third] = [await layer("one"), await layer("other"), await layer("third")];
    const packed = await store.blobs.read((await store.snapshots.blob(one.chainID, "gzip")).digest);
    const wrong = await keepAs(other, packed);
    const cut = await keepAs(third, packed.subarray(0, -20));
    const found = await problems();
    expect(found).toContain(`${wrong}: it unpacks to ${one.diffID}, and is kept as a packed form of ${other.diffID}`);
    expect(found.find((line) => line.startsWith(cut))).toContain("nothing readable");
    expect(found).toHaveLength(2);
  });

  test("takes several gzip members for one", async () => {
    const one = await layer("one");
    const tar = await store.blobs.read((await store.snapshots.blob(one.chainID, "none")).digest);
    await keepAs(one, Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))]));
    expect(await problems()).toEqual([]);
  });
});

test("usage counts shared layers once and tells what a collection would give back", async () => {
  const base = await layer("base");
  const target = await image("one", base);
  await store.images.tag("two", target);
  const cached = await layer("cached");
  await store.table("builder.cache").put("key", { chain: cached.chainID });
  await store.blobs.put("nobody's");
  const { id } = await store.images.open("one");
  const usage = await store.care.usage(new Set([id]));
  expect(usage.images).toMatchObject({ total: 1, active: 1, reclaimable: 0 });
  expect(usage.cache).toMatchObject({ total: 1, size: usage.cache.reclaimable });
  expect(usage.blobs.reclaimable).toBe(8);
});
