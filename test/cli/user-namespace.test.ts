/** Containers whose ids are mapped, made by root: what they write, in layers, volumes and bound folders, has the image's ids on disk. */
import { chmodSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BOX_IMAGE, openBox, type Box } from "../support/box.ts";

let box: Box;
let folder: string;
beforeAll(async () => {
  box = await openBox("sh ls cat stat sleep id chown touch rm mkdir");
  folder = join(dirname(box.root.root), "folder");
  mkdirSync(folder);
  chmodSync(dirname(box.root.root), 0o711); // the container's root is another user here, and must pass
});
afterAll(async () => {
  await box[Symbol.asyncDispose]();
});

const FIRST = ["--uidmap", "0:200000:65536"];
const SECOND = ["--uidmap", "0:400000:65536"];
const owners = (path: string): readonly number[] => [lstatSync(path).uid, lstatSync(path).gid];

test("a volume is shared by containers with different maps, and with none", { timeout: 300_000 }, async () => {
  await box.shell([...FIRST, "-v", "shared:/v"], "chown 5:6 /v; touch /v/root /v/other; chown 7:8 /v/other");
  const look = "stat -c '%u:%g' /v /v/root /v/other";
  for (const map of [FIRST, SECOND, []]) expect(await box.shell([...map, "-v", "shared:/v"], look)).toBe("5:6\n0:0\n7:8");
  expect(await box.shell([...SECOND, "-v", "shared:/v:ro"], "rm /v/root 2>/dev/null || echo refused")).toBe("refused");
  await box.shell([...SECOND, "-v", "shared:/v"], "rm /v/root");
  expect(owners(join(box.root.root, "volumes/shared/_data/other"))).toEqual([7, 8]);
  await box.strata("volume", "rm", "shared");
});

test("a folder of the machine belongs to nobody there, unless it is bound with idmap", { timeout: 300_000 }, async () => {
  writeFileSync(join(folder, "word"), "host");
  expect(await box.shell([...FIRST, "-v", `${folder}:/b`], "stat -c %u /b/word; touch /b/x 2>/dev/null || echo refused")).toBe("65534\nrefused");
  expect(await box.shell([...FIRST, "-v", `${folder}:/b:idmap`], "stat -c %u /b/word; touch /b/x; chown 9:9 /b/x; echo ok")).toBe("0\nok");
  expect(owners(join(folder, "x"))).toEqual([9, 9]);
  expect(await box.shell([...FIRST, "--mount", `type=bind,source=${join(folder, "word")},target=/w,idmap,readonly`], "cat /w; stat -c %u /w")).toBe("host0");
  const { stderr } = await box.attempt("run", "--rm", "--network", "none", "-v", `${folder}:/b:idmap`, BOX_IMAGE, "true");
  expect(stderr).toMatch(/Cannot map the ids of \/b: only root can, and for a container with a user namespace of its own/);
});

test("files are copied in and out, and a commit has the ids that the container saw", { timeout: 300_000 }, async () => {
  const id = await box.strata(
    "run",
    "-d",
    "--network",
    "none",
    ...FIRST,
    BOX_IMAGE,
    "sh",
    "-c",
    "mkdir /own; touch /own/x; chown 7:8 /own /own/x; exec sleep 600",
  );
  writeFileSync(join(folder, "in"), "copied");
  await expect.poll(async () => (await box.attempt("exec", id, "stat", "-c", "%u:%g", "/own/x")).stdout).toBe("7:8\n");
  await box.strata("cp", join(folder, "in"), `${id}:/own/in`);
  expect(await box.strata("exec", id, "sh", "-c", "cat /own/in; stat -c :%u /own/in")).toBe("copied:0");
  await box.strata("cp", "-a", `${id}:/own`, join(folder, "out"));
  expect([readFileSync(join(folder, "out/in"), "utf8"), ...owners(join(folder, "out/x"))]).toEqual(["copied", 7, 8]);
  await box.strata("commit", id, "local/mapped");
  await box.strata("stop", "-t", "0", id);
  await box.strata("cp", join(folder, "in"), `${id}:/own/later`);
  await box.strata("start", id);
  expect(await box.strata("exec", id, "stat", "-c", "%u", "/own/later")).toBe("0");
  await box.strata("rm", "-f", id);
  for (const map of [SECOND, []]) expect(await box.shell(map, "stat -c '%u:%g' /own /own/x /own/in", "local/mapped")).toBe("7:8\n7:8\n0:0");
});
