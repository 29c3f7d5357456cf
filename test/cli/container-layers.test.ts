/** Layers from below to the writable one, what a commit takes of them and what not, and the way of a committed image out and in again. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Box, openBox } from "../support/box.ts";
import { serveStrata, strataOutput } from "../support/cli.ts";
import { temporaryRoot } from "../support/root.ts";

const IMAGE = "local/layered";
const SECRET = "s3cr3t-of-nobody";

vi.setConfig({ testTimeout: 180_000 }); // every step is a command of its own, and machines are busy

let box: Box;
let folder: string;
beforeAll(async () => {
  box = await openBox("sh cat ls rm mkdir sleep echo touch ln stat");
  folder = mkdtempSync(join(tmpdir(), "strata-test-"));
  mkdirSync(join(folder, "data/sub"), { recursive: true });
  for (const name of ["one", "two", "sub/three"]) writeFileSync(join(folder, "data", name), `${name}\n`);
  writeFileSync(join(folder, "secret"), `${SECRET}\n`);
  writeFileSync(join(folder, "secret.env"), `TOKEN=${SECRET}\n`);
  writeFileSync(
    join(folder, "Dockerfile"),
    [
      "FROM local/box",
      "COPY data /data",
      "RUN rm /data/one && echo built > /data/built",
      "RUN mkdir /point",
      "ENV FROM_IMAGE=yes",
      "VOLUME /declared",
      "",
    ].join("\n"),
  );
  await box.strata("build", "--quiet", "--tag", IMAGE, folder);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await box[Symbol.asyncDispose]();
});

async function diffIDs(image: string): Promise<readonly string[]> {
  return JSON.parse(await box.strata("image", "inspect", "--format", "{{json .RootFS.Layers}}", image)) as readonly string[];
}

/** Names in the top layer of a saved image, sorted. */
async function topLayer(image: string): Promise<readonly string[]> {
  const place = mkdtempSync(join(folder, "saved-"));
  await box.strata("save", "--output", join(place, "image.tar"), image);
  execFileSync("tar", ["-xf", "image.tar"], { cwd: place });
  const layers = (JSON.parse(execFileSync("cat", [join(place, "manifest.json")], { encoding: "utf8" })) as readonly { readonly Layers: readonly string[] }[])[0]
    ?.Layers;
  const names = execFileSync("tar", ["-tf", layers?.at(-1) ?? ""], { cwd: place, encoding: "utf8" });
  return names
    .split("\n")
    .filter((name) => name !== "")
    .toSorted();
}

test("image inspect lists one layer for each step that changes files", async () => {
  const [base, own] = [await diffIDs("local/box"), await diffIDs(IMAGE)];
  expect(base).toHaveLength(1);
  expect(own).toHaveLength(4);
  expect(own[0]).toBe(base[0]);
  expect(new Set(own).size).toBe(4);
  for (const id of own) expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(await box.strata("image", "inspect", "--format", "{{.RootFS.Type}}", IMAGE)).toBe("layers");
});

test("the container's root is the image's layers below, an init layer, and one writable folder on top", async () => {
  const id = await box.strata("run", "-d", "--network", "none", IMAGE, "sleep", "600");
  const pid = await box.strata("inspect", "--format", "{{.State.Pid}}", id);
  const mounts = readFileSync(`/proc/${pid}/mountinfo`, "utf8").split("\n");
  const root = mounts.find((line) => line.includes(" / / ")) ?? "";
  const lowers = [...root.matchAll(/lowerdir\+?=([^,]+)/g)].flatMap(([, paths = ""]) => paths.split(":"));
  const upper = await box.strata("inspect", "--format", "{{.GraphDriver.Data.UpperDir}}", id);
  expect(lowers).toHaveLength(5);
  expect(lowers[0]).toBe(join(box.root.root, "containers", id, "init"));
  expect(root).toContain(`upperdir=${upper}`);
  expect(readdirSync(upper)).toEqual([]); // nothing was written yet, and mount points are the init layer's
  expect(readdirSync(lowers[0] ?? "").toSorted()).toEqual([".dockerenv", "declared", "dev", "etc", "proc", "sys"]);
  await box.strata("rm", "-f", "-v", id);
});

test("a written file is copied up whole; the image and other containers keep theirs", async () => {
  const id = await box.strata("run", "-d", "--network", "none", IMAGE, "sh", "-c", "echo more >> /data/two; sleep 600");
  const upper = await box.strata("inspect", "--format", "{{.GraphDriver.Data.UpperDir}}", id);
  await expect.poll(async () => await box.strata("exec", id, "cat", "/data/two")).toBe("two\nmore");
  expect(execFileSync("cat", [join(upper, "data/two")], { encoding: "utf8" })).toBe("two\nmore\n");
  expect(await box.shell([], "cat /data/two", IMAGE)).toBe("two");
  await box.strata("rm", "-f", "-v", id);
});

const CHANGES = [
  "rm /data/two",
  "rm -r /data/sub; mkdir /data/sub; echo again > /data/sub/fresh",
  "echo new > /data/new",
  "echo secret >> /etc/hosts",
  "echo v > /declared/x; echo v > /point/x; echo v > /quite/fresh/x; echo b > /bound/x; echo t > /temporary/x",
  "cat /run/secrets/token",
  "touch /dev/shm/x",
];

test("commit takes the writable folder with its whiteouts, and nothing of the init layer, volumes or secrets", async () => {
  const bound = mkdtempSync(join(folder, "bound-"));
  const secrets = ["--env-file", join(folder, "secret.env"), "--mount", `type=bind,source=${join(folder, "secret")},target=/run/secrets/token,readonly`];
  const mounts = ["-v", "point:/point", "-v", "fresh:/quite/fresh", "-v", `${bound}:/bound`, "--tmpfs", "/temporary"];
  const id = await box.strata(
    "run",
    "-d",
    "--network",
    "none",
    ...secrets,
    "-e",
    "SAID=openly",
    ...mounts,
    IMAGE,
    "sh",
    "-c",
    `${CHANGES.join("\n")}\nsleep 60`,
  );
  expect(await box.strata("exec", id, "sh", "-c", "while ! test -e /dev/shm/x; do :; done; echo $TOKEN")).toBe(SECRET);

  expect((await box.strata("diff", id)).split("\n")).toEqual([
    "C /data",
    "A /data/new",
    "C /data/sub",
    "A /data/sub/fresh",
    "D /data/sub/three",
    "D /data/two",
  ]);
  await box.strata("commit", "--message", "by hand", "--author", "nobody", id, "local/committed:1");
  await box.strata("rm", "-f", "-v", id);

  const below = await diffIDs(IMAGE);
  expect((await diffIDs("local/committed:1")).slice(0, -1)).toEqual(below);
  expect(await topLayer("local/committed:1")).toEqual([
    "bound/",
    "data/",
    "data/.wh.two",
    "data/new",
    "data/sub/",
    "data/sub/.wh..wh..opq",
    "data/sub/fresh",
    "declared/",
    "quite/",
    "quite/fresh/",
  ]);
  const seen = await box.shell(
    [],
    "ls /data /data/sub /point; ls -A /bound/ /declared/ /quite/fresh/; ls -d /temporary /run/secrets 2>/dev/null; cat /etc/hosts; echo $SAID $FROM_IMAGE $TOKEN",
    "local/committed:1",
  );
  expect(seen).toMatch(/^\/data:\nbuilt\nnew\nsub\n\n\/data\/sub:\nfresh\n\n\/point:\n\/bound\/:\n\n\/declared\/:\n\n\/quite\/fresh\/:\n127.0.0.1/);
  expect(seen).not.toContain("secret");
  expect(seen).toMatch(/\nopenly yes$/);
  expect(await box.strata("image", "inspect", "local/committed:1")).not.toContain(SECRET);
  await box.strata("volume", "rm", "point", "fresh");
});

test("a committed image is tagged, pushed, pulled, saved and loaded, always the same", async () => {
  const id = await box.strata("create", "--network", "none", IMAGE, "true");
  const image = await box.strata("commit", id, "local/committed:2");
  await box.strata("tag", "local/committed:2", "local/other:name");
  expect(await box.strata("image", "inspect", "--format", "{{.Id}}", "local/other:name")).toBe(image);

  await using server = await serveStrata(box.root, ["registry", "serve", "--listen", "127.0.0.1:0"], /127\.0\.0\.1:(\d+)/);
  const remote = `127.0.0.1:${server.match[1]}/committed:2`;
  await box.strata("tag", "local/committed:2", remote);
  await box.strata("push", remote);
  const archive = join(folder, "committed.tar");
  await box.strata("save", "--output", archive, "local/committed:2");
  expect(statSync(archive).size).toBeGreaterThan(1000);

  using elsewhere = temporaryRoot();
  await strataOutput(elsewhere, "pull", remote);
  expect(await strataOutput(elsewhere, "image", "inspect", "--format", "{{.Id}}", remote)).toBe(image);
  using third = temporaryRoot();
  expect(await strataOutput(third, "load", "--input", archive)).toContain("local/committed:2");
  expect(await strataOutput(third, "image", "inspect", "--format", "{{.Id}}", "local/committed:2")).toBe(image);
  expect(await strataOutput(third, "run", "--rm", "--network", "none", "local/committed:2", "cat", "/data/built")).toBe("built");
  await box.strata("rm", "-v", id);
});
