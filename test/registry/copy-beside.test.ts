/** Copies into one place beside each other, after one that was killed, and after somebody took from it what an image needs. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { writeVerified } from "../../cli/copy/verified-file.ts";
import { FreshFile } from "../../store/fresh-file.ts";
import { digestOf, encodedOf } from "../../store/digest.ts";
import { parseIndex, parseManifest } from "../../store/image/documents.ts";
import type { Descriptor } from "../../store/oci.ts";
import { runStrata, strataOutput } from "../support/cli.ts";
import { strata as program, temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { beginRange, serveImage, type FakeRegistry } from "./fake-registry.ts";
import { configOf, writeLayout } from "./image.ts";
import { blob, manifestOf, noise, startRegistry, type TestRegistry } from "./registry.ts";

const run = promisify(execFile);
const LEFT = ".0123456789ab.part";
let root: TemporaryRoot;
let registry: TestRegistry;
let top: Descriptor;
let work: string;
let number = 0;

beforeAll(async () => {
  root = temporaryRoot();
  registry = await startRegistry({ logFormat: "none" });
  top = await writeLayout(source(), ["amd64", "arm64"]);
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  root[Symbol.dispose]();
});
beforeEach(() => mkdirSync((work = join(root.root, `../work${(number += 1)}`))));

const source = (): string => join(root.root, "../source");
const from = (): string => `oci:${source()}:v1`;
const at = (name: string): string => join(work, name);
const blobIn = (folder: string, { digest }: Pick<Descriptor, "digest">): string => join(folder, "blobs/sha256", encodedOf(digest));
const read = (descriptor: Descriptor): Buffer => readFileSync(blobIn(source(), descriptor));
const copy = async (...args: readonly string[]): Promise<string> => await strataOutput(root, "copy", "-q", "--all", ...args);

/** The parts of the source's first image, from the top. */
function parts(): Readonly<Record<"manifest" | "config" | "layer", Descriptor>> {
  const manifest = parseIndex(read(top)).manifests[0]!;
  const { config, layers } = parseManifest(read(manifest));
  return { manifest, config, layer: layers[0]! };
}

function signalled(): { readonly told: Promise<void>; readonly tell: () => void } {
  let tell = (): void => {};
  const told = new Promise<void>((resolve) => (tell = resolve));
  return { told, tell };
}

test("two writers of one blob with one process id: who ends first has it whole, whatever becomes of the other", async () => {
  const bytes = noise(1_000_000, 3);
  const { descriptor } = blob(bytes);
  const [isWritten, isSecondHere] = [signalled(), signalled()];
  async function* first(): AsyncGenerator<Uint8Array> {
    yield bytes;
    isWritten.tell();
    await isSecondHere.told;
  }
  async function* cutOff(): AsyncGenerator<Uint8Array> {
    isSecondHere.tell();
    await writing;
    if (bytes.length > 0) throw new Error("cut off");
    yield bytes;
  }
  const writing = writeVerified(at("blob"), descriptor, first());
  await isWritten.told;
  await expect(writeVerified(at("blob"), descriptor, cutOff())).rejects.toThrow("cut off");
  expect([digestOf(readFileSync(at("blob"))), readdirSync(work)]).toEqual([descriptor.digest, ["blob"]]);
});

test("copies with one process id, each in a namespace of its own, leave each blob what its name says", async () => {
  const unshared = async (name: string): Promise<unknown> =>
    await run("unshare", ["-pf", "--kill-child", process.execPath, program, "copy", "-q", "--all", from(), `oci:${at("oci")}:${name}`], { env: root.env });
  await Promise.all(["a", "b", "c"].map(unshared));
  const blobs = join(at("oci"), "blobs/sha256");
  for (const name of readdirSync(blobs)) expect(digestOf(readFileSync(join(blobs, name)))).toBe(`sha256:${name}`);
  expect(parseIndex(readFileSync(at("oci/index.json"))).manifests).toHaveLength(3);
});

const harms: readonly { readonly name: string; readonly part: "manifest" | "config" | "layer"; readonly harm: (path: string) => void }[] = [
  { name: "a layer is gone", part: "layer", harm: (path) => rmSync(path) },
  { name: "a layer is cut short", part: "layer", harm: (path) => truncateSync(path, 100) },
  { name: "a config is gone", part: "config", harm: (path) => rmSync(path) },
  { name: "a manifest of the index is gone", part: "manifest", harm: (path) => rmSync(path) },
];

test.each(harms)("a layout from which $name is whole after the next copy", async ({ part, harm }) => {
  await copy(from(), `oci:${at("oci")}:v1`);
  const path = blobIn(at("oci"), parts()[part]);
  const before = readFileSync(path);
  harm(path);
  await copy(from(), `oci:${at("oci")}:v1`);
  expect(readFileSync(path).equals(before)).toBe(true);
});

test.each(["config", "layer"] as const)("a repository from which a %s was deleted is whole after the next copy", async (part) => {
  const to = `docker://${registry.host}/harmed/${part}:v1`;
  const url = `${registry.url}/v2/harmed/${part}/blobs/${parts()[part].digest}`;
  await copy(from(), to);
  expect((await fetch(url, { method: "DELETE" })).status).toBe(202);
  expect(await copy(from(), to)).toBe(top.digest);
  expect((await fetch(url, { method: "HEAD" })).status).toBe(200);
});

test("of an image that is there nothing is sent again", async () => {
  const to = `docker://${registry.host}/again:v1`;
  await copy(from(), to);
  const { stderr } = await runStrata(root, ["copy", "--all", from(), to]);
  expect([stderr.match(/Already exists/g)?.length, stderr]).toEqual([7, expect.not.stringContaining("Copied")]);
});

/** A registry that keeps back the end of a layer until it is told. */
async function serveSlowly(seed: number): Promise<FakeRegistry & { readonly begun: Promise<void>; readonly goOn: () => void }> {
  const layer = blob(noise(400_000, seed));
  const config = configOf();
  const begun = signalled();
  const kept: (() => ServerResponse)[] = [];
  let isOpen = false;
  const server = await serveImage(manifestOf(config, [layer]), [config, layer], (request, response, part) => {
    if (part !== layer || isOpen) return false;
    const bytes = beginRange(request, response, part);
    response.write(bytes.subarray(0, bytes.length / 2));
    kept.push(() => response.end(bytes.subarray(bytes.length / 2)));
    begun.tell();
    return true;
  });
  const goOn = (): void => {
    isOpen = true;
    for (const end of kept.splice(0)) end();
  };
  return Object.assign(server, { begun: begun.told, goOn });
}

function begin(...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [program, "copy", ...args], { env: root.env, stdio: ["ignore", "ignore", "pipe"] });
}

const unfinished = (folder: string): readonly string[] => readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".part"));

test.each(["oci", "dir"])("what a copy into %s: left that was killed goes with the next one", async (kind) => {
  await using slow = await serveSlowly(7);
  const to = `${kind}:${at("to")}`;
  const killed = begin(`docker://${slow.host}/app:v1`, to);
  await slow.begun;
  await expect.poll(() => unfinished(work).length).toBeGreaterThan(0);
  killed.kill("SIGKILL");
  await once(killed, "exit");
  expect(unfinished(work)).not.toEqual([]);
  await copy(from(), to);
  expect(unfinished(work)).toEqual([]);
  slow.goOn();
});

test("what a killed copy left of a blob, an index or an archive goes, and what somebody still writes stays", async () => {
  await copy(from(), `oci:${at("oci")}:v1`);
  const places = [at("oci/index.json"), at("oci/oci-layout"), blobIn(at("oci"), top), at("all.tar")];
  for (const place of places) writeFileSync(`${place}${LEFT}`, "half");
  writeFileSync(at(`other.tar${LEFT}`), "half of another");
  await using blobWriter = await FreshFile.open(places[2]!);
  await using archiveWriter = await FreshFile.open(places[3]!);
  await copy(from(), `oci:${at("oci")}:v1`);
  await copy(from(), `oci-archive:${at("all.tar")}:v1`);
  expect(unfinished(work).map(at).sort()).toEqual([at(`other.tar${LEFT}`), blobWriter.path, archiveWriter.path].sort());
});

test("of two images into one dir: at once one waits for the other, and the folder is the last one's", async () => {
  await using slow = await serveSlowly(9);
  const to = `dir:${at("dir")}`;
  const first = begin("-q", `docker://${slow.host}/app:v1`, to);
  await slow.begun;
  await expect.poll(() => unfinished(work).length).toBeGreaterThan(0);
  const second = begin("--all", from(), to);
  let said = "";
  second.stderr?.on("data", (text) => (said += String(text)));
  await expect.poll(() => said).toContain(`Waiting for another copy to ${to}\n`);
  expect(existsSync(at("dir/manifest.json"))).toBe(false);
  const ends = Promise.all([once(first, "exit"), once(second, "exit")]);
  slow.goOn();
  expect(await ends).toEqual([
    [0, null],
    [0, null],
  ]);
  await copy(from(), `dir:${at("alone")}`);
  expect(readdirSync(at("dir")).sort()).toEqual(readdirSync(at("alone")).sort());
  await run("skopeo", ["copy", "-q", "--all", to, `dir:${at("theirs")}`]);
  expect(statSync(at("theirs/manifest.json")).size).toBe(top.size);
});

test("who waits for a dir: can be interrupted", async () => {
  await using slow = await serveSlowly(11);
  const first = begin("-q", `docker://${slow.host}/app:v1`, `dir:${at("dir")}`);
  await slow.begun;
  await expect.poll(() => unfinished(work).length).toBeGreaterThan(0);
  const second = begin(from(), `dir:${at("dir")}`);
  await once(second.stderr!, "data");
  second.kill("SIGINT");
  expect(await once(second, "exit")).toEqual([130, null]);
  slow.goOn();
  expect(await once(first, "exit")).toEqual([0, null]);
});
