/** strata copy between every two kinds of places, checked by skopeo where it knows them. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { serveStrata, strataOutput, runStrata, type Server } from "../support/cli.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { writeLayout } from "./image.ts";

const run = promisify(execFile);
let root: TemporaryRoot;
let server: Server;
let digest: string;

beforeAll(async () => {
  root = temporaryRoot();
  server = await serveStrata(root, ["registry", "serve", "--listen", "127.0.0.1:0", "--log-format", "none"], /listening on (127\.0\.0\.1:\d+)/);
  digest = (await writeLayout(place("source"), ["amd64"])).digest;
  await writeLayout(place("many"), ["amd64", "arm64"]);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  root[Symbol.dispose]();
});

function place(name: string): string {
  return join(root.root, "..", name);
}

const steps: readonly { readonly name: string; readonly from: () => string; readonly to: () => string }[] = [
  { name: "a layout to a registry", from: () => `oci:${place("source")}:v1`, to: () => `docker://${server.match[1]}/copy/a:v1` },
  { name: "a registry to a registry", from: () => `docker://${server.match[1]}/copy/a:v1`, to: () => `docker://${server.match[1]}/copy/b:v2` },
  { name: "a registry to the store", from: () => `docker://${server.match[1]}/copy/b:v2`, to: () => "copied:v1" },
  { name: "the store to an archive", from: () => "store:copied:v1", to: () => `oci-archive:${place("image.tar")}:copied:v1` },
  { name: "an archive to a folder", from: () => `oci-archive:${place("image.tar")}`, to: () => `dir:${place("dir")}` },
  { name: "a folder to a layout", from: () => `dir:${place("dir")}`, to: () => `oci:${place("target")}:v1` },
];

test("an image goes round all places and keeps its digest", { timeout: 300_000 }, async () => {
  for (const { name, from, to } of steps) expect([name, await strataOutput(root, "copy", "-q", from(), to())]).toEqual([name, digest]);
  const inspected = async (reference: string): Promise<string> => (await run("skopeo", ["inspect", "--format", "{{.Digest}}", reference])).stdout.trim();
  expect(await inspected(`oci:${place("target")}:v1`)).toBe(digest);
  expect(await inspected(`dir:${place("dir")}`)).toBe(digest);
  expect(await inspected(`oci-archive:${place("image.tar")}`)).toBe(digest);
});

test("of several platforms this machine's is copied, or all", async () => {
  const top = async (...flags: readonly string[]): Promise<unknown> => {
    await strataOutput(root, "copy", "-q", ...flags, `oci:${place("many")}:v1`, `docker://${server.match[1]}/copy/many:v1`);
    return (JSON.parse(await strataOutput(root, "registry", "manifest", `${server.match[1]}/copy/many:v1`)) as { mediaType: unknown }).mediaType;
  };
  expect(await top()).toBe(MEDIA_TYPE.manifest);
  expect(await top("--all")).toBe(MEDIA_TYPE.index);
});

const LAYOUTS: ReadonlySet<string> = new Set(["MANY", "SOURCE"]);
test.each([
  { name: "a wrong spelling", from: "docker:x", status: 2, says: "docker://" },
  { name: "nothing after the colon", from: "oci:", status: 2, says: "nothing is named" },
  {
    name: "a platform it is not for",
    from: "MANY",
    status: 1,
    says: "no image for linux/s390x, only for linux/amd64, linux/arm64",
    flags: ["--platform", "linux/s390x"],
  },
  { name: "an image of another platform", from: "SOURCE", status: 1, says: "it is for linux/amd64 alone", flags: ["--platform", "linux/arm64"] },
  { name: "a layout that is none", from: "oci:/proc/self", status: 1, says: "no index.json" },
])("copy refuses $name", async ({ from, status, says, flags = [] }) => {
  const outcome = await runStrata(root, ["copy", ...flags, LAYOUTS.has(from) ? `oci:${place(from.toLowerCase())}:v1` : from, `dir:${place("never")}`]);
  expect([outcome.status, outcome.stderr]).toEqual([status, expect.stringContaining(says)]);
});

test("a name with a registry in it is the store's, which is said unless it was meant", async () => {
  const name = "127.0.0.1:5000/bare:v1";
  const copy = async (...args: readonly string[]): Promise<readonly unknown[]> => {
    const { status, stderr } = await runStrata(root, ["copy", ...args]);
    return [status, stderr.split("\n").filter((line) => line.includes("docker://"))];
  };
  const layout = `oci:${place("source")}:v1`;
  const there = [`${name} is a name in the store now; docker://${name} would push it there`];
  expect(await copy(layout, name)).toEqual([0, there]);
  expect(await copy(layout, "localhost/bare:v1")).toEqual([0, [expect.stringContaining("localhost/bare:v1 is a name in the store now")]]);
  for (const quiet of [
    [layout, `store:${name}`],
    [layout, "team/bare:v1"],
    ["-q", layout, name],
    ["-q", name, `dir:${place("quiet")}`],
  ])
    expect(await copy(...quiet)).toEqual([0, []]);
  expect(await copy(name, `dir:${place("bare")}`)).toEqual([0, [`${name}: taken from the store; docker://${name} asks the registry`]]);
  expect(await copy(`store:${name}`, `dir:${place("meant")}`)).toEqual([0, []]);
  expect(await copy("127.0.0.1:5000/none:v1", `dir:${place("never")}`)).toEqual([1, ["docker://127.0.0.1:5000/none:v1 asks the registry"]]);
});
