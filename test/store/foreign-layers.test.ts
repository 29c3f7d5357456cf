import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { digestOf } from "../../store/digest.ts";
import { applyOperations } from "../../store/native/operations.ts";
import { scanFolder } from "../../store/native/scan.ts";
import { openStore } from "../../store/open.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import type { ChainID, Layer } from "../../store/store.ts";
import { storeOfEachTest } from "../support/store.ts";
import { treeTool } from "../support/root.ts";
import { mountOverlay } from "./overlay.ts";
import { paxMember, tarOf, type Member } from "./tars.ts";

const { place, store } = storeOfEachTest();

async function apply(tar: Buffer, parent?: ChainID, packed: Buffer = tar, mediaType: string = MEDIA_TYPE.layerTar): Promise<Layer> {
  const blob = await store.blobs.put(packed);
  return await store.snapshots.apply(parent, { mediaType, ...blob }, digestOf(tar));
}

const shape = async ({ chainID }: Layer): Promise<readonly string[]> => (await store.snapshots.entries(chainID)).map(({ type, path }) => `${type} ${path}`);

describe("hostile tars", () => {
  const hostile: readonly { readonly name: string; readonly members: readonly Member[]; readonly entry: string }[] = [
    { name: "a path that climbs", members: [{ name: "../escape" }], entry: "../escape" },
    { name: "a path that climbs from within", members: [{ name: "a/../../escape" }], entry: "a/../../escape" },
    {
      name: "a file below a link of the same layer",
      members: [
        { name: "d", type: "symlink", target: "OUTSIDE" },
        { name: "d/escape", text: "x" },
      ],
      entry: "d/escape",
    },
    {
      name: "a folder below a link to the root",
      members: [
        { name: "d", type: "symlink", target: "/" },
        { name: "d/tmp/escape", type: "directory" },
      ],
      entry: "d/tmp/escape",
    },
    { name: "a file below a file", members: [{ name: "f" }, { name: "f/x" }], entry: "f/x" },
    { name: "a hard link to a path outside", members: [{ name: "escape", type: "hardlink", target: "../../../../etc/passwd" }], entry: "escape" },
    { name: "a hard link to an absolute path", members: [{ name: "escape", type: "hardlink", target: "/etc/passwd" }], entry: "escape" },
    {
      name: "a hard link through a link",
      members: [
        { name: "d", type: "symlink", target: "/etc" },
        { name: "escape", type: "hardlink", target: "d/passwd" },
      ],
      entry: "escape",
    },
    {
      name: "a hard link to a folder",
      members: [
        { name: "d", type: "directory" },
        { name: "x", type: "hardlink", target: "d" },
      ],
      entry: "x",
    },
    { name: "a removal of the parent", members: [{ name: ".wh..." }], entry: ".wh..." },
    { name: "a removal of the folder itself", members: [{ name: "d/.wh.." }], entry: "d/.wh.." },
    { name: "a removal of nothing", members: [{ name: ".wh." }], entry: ".wh." },
    { name: "a removal that is a link", members: [{ name: ".wh.x", type: "symlink", target: "/etc" }], entry: ".wh.x" },
    { name: "a file in a folder named as a removal", members: [{ name: ".wh.d/x" }], entry: ".wh.d/x" },
    { name: "a removal below a link", members: [{ name: "d", type: "symlink", target: "/etc" }, { name: "d/.wh.passwd" }], entry: "d/.wh.passwd" },
    { name: "an opaque mark below a link", members: [{ name: "d", type: "symlink", target: "/etc" }, { name: "d/.wh..wh..opq" }], entry: "d/.wh..wh..opq" },
    { name: "the device that an overlay takes for a removal", members: [{ name: "null", type: "character", major: 0, minor: 0 }], entry: "null" },
    { name: "a PAX path that climbs", members: [paxMember({ path: "../escape" }), { name: "harmless" }], entry: "../escape" },
    { name: "a PAX hard link outside", members: [paxMember({ linkpath: "../../etc/passwd" }), { name: "x", type: "hardlink", target: "x" }], entry: "x" },
  ];

  test.each(hostile)("$name: refused by name, nothing written outside, nothing left", async ({ members, entry }) => {
    const outside = join(place.runRoot, "outside");
    mkdirSync(outside);
    const tar = tarOf(...members.map((member) => (member.target === "OUTSIDE" ? { ...member, target: outside } : member)));
    const refused = expect(apply(tar)).rejects;
    await refused.toMatchObject({ code: "LAYER_INVALID", message: expect.stringContaining(entry) as string });
    expect(readdirSync(outside)).toEqual([]);
    expect(existsSync(join(place.root, "escape"))).toBe(false);
    expect(readdirSync(join(place.root, "layers"))).toEqual([]);
    expect(readdirSync(join(place.root, "ingest")).filter((name) => !name.endsWith(".writer"))).toEqual([]);
  });

  const broken = [
    { name: "a header whose checksum is wrong", tar: Buffer.concat([tarOf({ name: "x" }).fill("y", 0, 1)]) },
    { name: "an end in the middle of a file", tar: tarOf({ name: "x", text: "x".repeat(5000) }).subarray(0, 2048) },
    { name: "no tar at all", tar: Buffer.alloc(1024, "noise") },
    { name: "a PAX record that is longer than its header", tar: tarOf({ name: "PaxHeaders.0", text: "999 path=x\n", flag: "x" }, { name: "x" }) },
  ];
  test.each(broken)("$name: refused", async ({ tar }) => {
    await expect(apply(tar)).rejects.toMatchObject({ code: "LAYER_INVALID" });
  });
});

describe("what writers do", () => {
  test("absolute names and leading dots mean the layer's own root", async () => {
    expect(await shape(await apply(tarOf({ name: "./", type: "directory" }, { name: "/etc/motd", text: "x" }, { name: "./a" })))).toEqual([
      "file a",
      "directory etc",
      "file etc/motd",
    ]);
  });

  test("a later entry replaces an earlier one, whatever it was", async () => {
    const layer = await apply(
      tarOf(
        { name: "a", text: "1" },
        { name: "a", text: "22" },
        { name: "d", type: "directory" },
        { name: "d/x" },
        { name: "d", type: "symlink", target: "/etc" },
        { name: "l", type: "symlink", target: "/etc" },
        { name: "l", type: "directory" },
        { name: "l/in", text: "x" },
        { name: "p", type: "fifo" },
        { name: "p", text: "file now" },
      ),
    );
    expect(await shape(layer)).toEqual(["file a", "symlink d", "directory l", "file l/in", "file p"]);
    expect(readFileSync(join(layer.folder, "a"), "utf8")).toBe("22");
    expect(readlinkSync(join(layer.folder, "d"))).toBe("/etc");
  });

  test("removals hide what is below, never what the layer itself brings", async () => {
    const base = await apply(
      tarOf({ name: "d", type: "directory" }, { name: "d/old" }, { name: "gone" }, { name: "again", type: "directory" }, { name: "again/old" }),
    );
    const layer = await apply(
      tarOf(
        { name: "d/.wh..wh..opq" },
        { name: "d/new" },
        { name: ".wh.gone" },
        { name: ".wh.again" },
        { name: "again", type: "directory" },
        { name: ".wh..wh.plnk" },
      ),
      base.chainID,
    );
    expect(await shape(layer)).toEqual(["whiteout gone", "directory again", "opaque again", "directory d", "opaque d", "file d/new"]);
    const active = await store.snapshots.prepare("look", layer.chainID);
    using mounted = mountOverlay(active);
    expect([readdirSync(mounted.path), readdirSync(join(mounted.path, "d")), readdirSync(join(mounted.path, "again"))]).toEqual([["again", "d"], ["new"], []]);
  });

  test("an opaque root hides all layers below", async () => {
    const base = await apply(tarOf({ name: "old" }));
    const layer = await apply(tarOf({ name: ".wh..wh..opq" }, { name: "new" }), base.chainID);
    expect(await store.snapshots.lowers(layer.chainID)).toEqual([layer.folder]);
    expect(await (await store.snapshots.view(layer.chainID)).list("/")).toEqual(["new"]);
  });

  test("folders that are not listed look as they do below, and the folder is that chain's alone", async () => {
    const base = await apply(tarOf({ name: "srv", type: "directory", mode: 0o2750, uid: 5, gid: 6, mtime: 77 }));
    const tar = tarOf({ name: "srv/www/index.html", text: "hello" });
    const [on, alone] = [await apply(tar, base.chainID), await apply(tar)];
    expect((await store.snapshots.entries(on.chainID)).slice(0, 2)).toMatchObject([
      { path: "srv", mode: 0o2750, uid: 5, gid: 6, mtime: 77 },
      { path: "srv/www", mode: 0o755, uid: 0, gid: 0, mtime: 0 },
    ]);
    expect((await store.snapshots.entries(alone.chainID))[0]).toMatchObject({ path: "srv", mode: 0o755, uid: 0 });
    expect(on.folder).not.toBe(alone.folder);
  });

  test("everything that GNU tar keeps is kept: modes, owners, nanoseconds, capabilities, sets of links", async () => {
    const source = join(place.runRoot, "source");
    mkdirSync(source);
    execFileSync(
      "sh",
      [
        "-ec",
        "echo a > a; ln a b; ln -s a l; mkfifo p; mknod n c 1 3; mkdir d; chmod 1777 d; chown 12:34 a; chmod 6711 a; cp a ping; touch -hd '2001-02-03 04:05:06.123456789' a d l",
      ],
      { cwd: source },
    );
    // cap_net_raw and cap_setuid, permitted and effective, as setcap writes them
    const capability = Buffer.from("0100000280200000000000000000000000000000", "hex");
    applyOperations(treeTool, source, [
      { kind: "xattr", path: "ping", name: "security.capability", value: capability },
      { kind: "xattr", path: "d", name: "user.note", value: Buffer.from([0, 200, 10, 61]) },
    ]);
    const tar = execFileSync("tar", ["--format=pax", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-cf", "-", "."], {
      cwd: source,
      maxBuffer: 64 << 20,
    });
    const layer = await apply(tar);
    const look = async (path: string): Promise<unknown> =>
      (await scanFolder(treeTool, path)).map(({ ctime: _c, ctimeNsec: _n, dev: _d, ino: _i, size, ...rest }) => ({
        ...rest,
        size: rest.type === "directory" ? 0 : size,
      }));
    expect(await look(layer.folder)).toEqual(await look(source));
    expect((await store.snapshots.entries(layer.chainID)).find(({ path }) => path === "ping")?.xattrs).toEqual({
      "security.capability": new Uint8Array(capability),
    });
  });

  test("a PAX number overrides the header's, an empty one takes it back", async () => {
    const layer = await apply(tarOf(paxMember({ uid: "4000000000", mtime: "12.5", comment: "" }), { name: "x", text: "x" }));
    expect(await store.snapshots.entries(layer.chainID)).toMatchObject([{ path: "x", uid: 4_000_000_000, mtime: 12 }]);
  });
});

describe("compression", () => {
  const tar = tarOf({ name: "big", text: "0123456789".repeat(30_000) }, { name: "small", text: "x" });
  const zstd = (): Buffer => execFileSync("zstd", ["-c", "-q"], { input: tar });
  const packed = [
    { name: "none", bytes: () => tar, mediaType: MEDIA_TYPE.layerTar },
    { name: "gzip", bytes: () => gzipSync(tar), mediaType: MEDIA_TYPE.layerGzip },
    { name: "gzip under docker's media type", bytes: () => gzipSync(tar, { level: 1 }), mediaType: MEDIA_TYPE.dockerLayer },
    {
      name: "gzip in two members",
      bytes: () => Buffer.concat([gzipSync(tar.subarray(0, 5000)), gzipSync(tar.subarray(5000))]),
      mediaType: MEDIA_TYPE.layerGzip,
    },
    {
      name: "gzip in many members, as seekable images have it",
      bytes: () => Buffer.concat(Array.from({ length: 400 }, (_, at) => gzipSync(tar.subarray(at * 1000, at === 399 ? undefined : (at + 1) * 1000)))),
      mediaType: MEDIA_TYPE.layerGzip,
    },
    { name: "zstd", bytes: zstd, mediaType: MEDIA_TYPE.layerZstd },
  ];
  test.each(packed)("$name is unpacked, kept, and given back as a tar", async ({ bytes, mediaType }) => {
    const layer = await apply(tar, undefined, bytes(), mediaType);
    expect(await shape(layer)).toEqual(["file big", "file small"]);
    let given = Buffer.alloc(0);
    for await (const chunk of store.snapshots.tar(layer.chainID)) given = Buffer.concat([given, chunk]);
    expect(given.equals(tar)).toBe(true);
  });

  const damaged = [
    { name: "cut short", bytes: () => gzipSync(tar).subarray(0, -20), code: "LAYER_INVALID" },
    { name: "with a flipped bit", bytes: () => flip(gzipSync(tar)), code: "LAYER_INVALID" },
    { name: "that is none", bytes: () => Buffer.from("plain text"), code: "LAYER_INVALID" },
    { name: "of another tar", bytes: () => gzipSync(tarOf({ name: "other" })), code: "DIGEST_MISMATCH" },
  ];
  test.each(damaged)("gzip $name is refused", async ({ bytes, code }) => {
    await expect(apply(tar, undefined, bytes(), MEDIA_TYPE.layerGzip)).rejects.toMatchObject({ code });
  });

  test("a blob that changed on the disk is refused by the digest of its tar", async () => {
    const blob = await store.blobs.put(gzipSync(tar));
    writeFileSync(store.blobs.path(blob.digest), gzipSync(tarOf({ name: "other" })));
    await expect(store.snapshots.apply(undefined, { mediaType: MEDIA_TYPE.layerGzip, ...blob }, digestOf(tar))).rejects.toMatchObject({
      code: "DIGEST_MISMATCH",
    });
  });

  const coming = [
    { name: "whole", end: "whole", failure: undefined },
    { name: "and breaks off", end: "broken", failure: { message: "the line is cut" } },
    { name: "with another digest", end: "other", failure: { code: "DIGEST_MISMATCH" } },
  ] as const;
  test.each(coming)("a layer is unpacked while it comes: $name", async ({ end, failure }) => {
    const packed = gzipSync(tar, { level: 0 });
    const blob = { mediaType: MEDIA_TYPE.layerGzip, digest: digestOf(end === "other" ? "other" : packed), size: packed.length };
    const content = (async function* () {
      for (let at = 0; at < packed.length; at += 40_000) {
        await sleep(5);
        if (end === "broken" && at > packed.length / 2) throw new Error("the line is cut");
        yield packed.subarray(at, at + 40_000);
      }
    })();
    const applied = store.snapshots.apply(undefined, blob, digestOf(tar), content);
    if (failure !== undefined) await expect(applied).rejects.toMatchObject(failure);
    else expect(await shape(await applied)).toEqual(["file big", "file small"]);
    expect((await store.blobs.stat(blob.digest)) !== undefined).toBe(end === "whole");
    expect(readdirSync(join(place.root, "ingest")).filter((name) => !name.endsWith(".writer"))).toEqual([]);
  });

  test("an unknown media type is refused by name", async () => {
    await expect(apply(tar, undefined, tar, "application/x-thing")).rejects.toMatchObject({ code: "UNSUPPORTED" });
  });

  test("gzip made here is the same twice, and zlib reads it", async () => {
    const layer = await store.snapshots.write(undefined, [
      { path: "big", type: "file", mode: 0o644, uid: 0, gid: 0, mtime: 0, source: { bytes: Buffer.alloc(3_000_000, "some text, again and again ") } },
    ]);
    const blob = await store.snapshots.blob(layer.chainID, "gzip");
    const bytes = readFileSync(store.blobs.path(blob.digest));
    expect(bytes.subarray(0, 10).toString("hex")).toBe("1f8b08000000000000ff");
    expect(digestOf(execFileSync("gzip", ["-dc"], { input: bytes, maxBuffer: 16 << 20 }))).toBe(layer.diffID);
    await using other = await openStore({ root: join(place.runRoot, "other"), treeTool });
    await other.snapshots.apply(undefined, blob, layer.diffID, store.blobs.open(blob.digest));
    expect(blob.size).toBeLessThan(20_000);
  });
});

function flip(bytes: Buffer): Buffer {
  bytes[Math.floor(bytes.length / 2)]! ^= 0x10;
  return bytes;
}
