/** A pull that was ended goes on in the next process, where the registry knows ranges; what it left is kept for no longer than it is of use. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { digestOf } from "../../store/digest.ts";
import { MEDIA_TYPE } from "../../store/oci.ts";
import { ownedName } from "../../store/owner.ts";
import { runStrata, type Outcome } from "../support/cli.ts";
import { strata, temporaryRoot, type TemporaryRoot } from "../support/root.ts";
import { beginRange, rangeOf, serveImage, type FakeRegistry, type Odd } from "./fake-registry.ts";
import { configOf, tarOf } from "./image.ts";
import { blob, manifestOf, noise, unfinished, type TestBlob } from "./registry.ts";

const MIB = 1 << 20;
const tar = await tarOf({ "a/noise": noise(24 * MIB, 3), "b/last": noise(2 * MIB, 4) });
const layer = blob(gzipSync(tar, { level: 1 }), MEDIA_TYPE.layerGzip);
const config = configOf(digestOf(tar));
const image = manifestOf(config, [layer]);
const DIGEST = layer.descriptor.digest;
/** As a process that lives would call it. */
const living = `partial.${DIGEST.replace(":", ".")}.${ownedName()}`;
/** What comes of the layer before it stands still. */
const HALF = 9 * MIB;

let root: TemporaryRoot;
let asked: number[];
let held: ServerResponse[];
beforeEach(() => {
  root = temporaryRoot();
  [asked, held] = [[], []];
});
afterEach(() => root[Symbol.dispose]());

/** Bytes from `limit` on never come. */
function serve(limit: number, knowsRanges = true): Promise<FakeRegistry> {
  const odd: Odd = (request, response, part) => {
    if (part !== layer) return false;
    if (!knowsRanges) delete request.headers.range;
    const { start } = rangeOf(request, part);
    asked.push(start);
    const bytes = beginRange(request, response, part);
    const coming = bytes.subarray(0, Math.max(0, limit - start));
    if (coming.length === bytes.length) response.end(coming);
    else {
      response.write(coming);
      held.push(response);
    }
    return true;
  };
  return serveImage(image, [config, layer], odd);
}

function left(): readonly string[] {
  return readdirSync(join(root.root, "ingest")).filter((name) => name.startsWith(`partial.${DIGEST.replace(":", ".")}.`));
}

function leftBytes(): number {
  return Math.max(0, ...left().map((name) => statSync(join(root.root, "ingest", name), { throwIfNoEntry: false })?.size ?? 0));
}

function start(host: string): ChildProcess {
  return spawn(process.execPath, [strata, "pull", "-q", `${host}/app:v1`], { env: root.env, stdio: "ignore" });
}

async function pull(host: string): Promise<Outcome> {
  return await runStrata(root, ["pull", "-q", `${host}/app:v1`]);
}

/** A pull that is ended by `signal` while the layer is on its way. Returns how much of it is there. */
async function interrupt(signal: NodeJS.Signals, knowsRanges = true): Promise<number> {
  await using server = await serve(HALF, knowsRanges);
  const pulling = start(server.host);
  await expect.poll(leftBytes, { timeout: 120_000 }).toBe(HALF);
  pulling.kill(signal);
  await once(pulling, "exit");
  for (const response of held) response.destroy();
  asked = [];
  return leftBytes();
}

async function isWhole(): Promise<void> {
  const [algorithm = "", hex = ""] = DIGEST.split(":");
  expect(digestOf(readFileSync(join(root.root, "blobs", algorithm, hex)))).toBe(DIGEST);
  const folders = readdirSync(join(root.root, "layers"));
  expect(folders).toHaveLength(1);
  expect(digestOf(readFileSync(join(root.root, "layers", folders[0]!, "fs/b/last")))).toBe(digestOf(noise(2 * MIB, 4)));
  expect(unfinished(root.root)).toEqual([]);
  expect((await runStrata(root, ["system", "check"])).status).toBe(0);
}

test.each(["SIGKILL", "SIGINT"] as const)("after %s the next pull asks for the rest", async (signal) => {
  expect(await interrupt(signal)).toBe(HALF);
  await using server = await serve(layer.bytes.length);
  expect(await pull(server.host)).toMatchObject({ status: 0 });
  expect(Math.min(...asked)).toBe(HALF);
  await isWhole();
});

test("where the registry knows no ranges the rest is found in the whole", async () => {
  await interrupt("SIGKILL", false);
  await using server = await serve(layer.bytes.length, false);
  expect(await pull(server.host)).toMatchObject({ status: 0 });
  await isWhole();
});

describe("what was left is", () => {
  const path = (name: string): string => join(root.root, "ingest", name);
  const replaced = (name: string, make: (at: string) => void): void => {
    rmSync(path(name));
    make(path(name));
  };
  const elsewhere = (): string => {
    const at = join(root.root, "elsewhere");
    writeFileSync(at, layer.bytes.subarray(0, HALF), { mode: 0o400 });
    return at;
  };
  const spoil = (name: string): void => {
    const bytes = readFileSync(path(name));
    bytes[5 * MIB] = bytes[5 * MIB]! ^ 1;
    writeFileSync(path(name), bytes);
  };
  const rows: readonly { readonly name: string; readonly change: (name: string) => void; readonly from: number }[] = [
    { name: "all of it: nothing is asked for", change: (name) => writeFileSync(path(name), layer.bytes), from: Number.POSITIVE_INFINITY },
    { name: "damaged: it begins again", change: spoil, from: 0 },
    { name: "too long: it begins again", change: (name) => truncateSync(path(name), layer.bytes.length + 1), from: 0 },
    { name: "another process's that lives: it is left alone", change: (name) => renameSync(path(name), path(living)), from: 0 },
    { name: "there twice: the longer one counts", change: (name) => copyFileSync(path(name), path(`partial.${DIGEST.replace(":", ".")}.left.00`)), from: HALF },
    {
      name: "there twice and damaged: it begins again",
      change: (name) => {
        spoil(name);
        copyFileSync(path(name), path(`partial.${DIGEST.replace(":", ".")}.left.00`));
      },
      from: 0,
    },
    { name: "a folder now: it is nothing to go on with", change: (name) => replaced(name, (at) => mkdirSync(at)), from: 0 },
    { name: "a pipe now: it is not waited for", change: (name) => replaced(name, (at) => execFileSync("mkfifo", [at])), from: 0 },
    { name: "a link now: where it leads nothing is read or written", change: (name) => replaced(name, (at) => symlinkSync(elsewhere(), at)), from: 0 },
    { name: "a week old: it is removed", change: (name) => utimesSync(path(name), 0, Date.now() / 1000 - 8 * 86_400), from: 0 },
  ];
  test.each(rows)("$name", async ({ change, from }) => {
    await interrupt("SIGKILL");
    change(left()[0]!);
    await using server = await serve(layer.bytes.length);
    expect(await pull(server.host)).toMatchObject({ status: 0 });
    expect(Math.min(...asked)).toBe(from);
    await runStrata(root, ["system", "prune", "--force"]);
    expect(left()).toEqual(change === rows[3]?.change ? [living] : []);
  });
});

test("a blob that is there leaves nothing to go on with: who wrote it was killed once it was linked", async () => {
  await interrupt("SIGKILL");
  const [beginning = ""] = left();
  await using server = await serve(layer.bytes.length);
  expect(await pull(server.host)).toMatchObject({ status: 0 });
  linkSync(join(root.root, "blobs", DIGEST.replace(":", "/")), join(root.root, "ingest", beginning));
  expect((await runStrata(root, ["images"])).status).toBe(0);
  expect(left()).toEqual([]);
});

test("a registry that sends other bytes leaves nothing to go on with", async () => {
  const wrong: TestBlob = { ...layer, bytes: noise(layer.bytes.length, 9) };
  await using server = await serveImage(image, [config, wrong]);
  expect((await pull(server.host)).status).toBe(1);
  expect(left()).toEqual([]);
});
