/** COPY of a wide folder after a few changes: made by amending the last layer, and the same as if no layer had been there before. */
import { chmodSync, mkdirSync, rmSync, renameSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStore } from "../../store/open.ts";
import { temporaryRoot, treeTool } from "../support/root.ts";
import { openLab, type Built, type Lab } from "./lab.ts";

const FOLDERS = 21;
const FILES = 50;
const DOCKERFILE = "FROM scratch\nCOPY tree /srv/tree\n";

let lab: Lab;
let tree: string;

beforeEach(async () => {
  lab = await openLab();
  tree = join(lab.folder, "context/tree");
  for (let folder = 0; folder < FOLDERS; folder++) {
    mkdirSync(join(tree, String(folder)), { recursive: true });
    for (let file = 0; file < FILES; file++) writeFileSync(join(tree, String(folder), `${file}.txt`), `${folder} ${file}\n`);
  }
  symlinkSync("0/0.txt", join(tree, "link"));
});

afterEach(async () => await lab[Symbol.asyncDispose]());

const at = (path: string): string => join(tree, path);

/** What changed just before a walk is not trusted: the first build must see files that have come to rest. */
const rest = async (): Promise<void> => await new Promise((resolve) => setTimeout(resolve, 80));

const isAmended = async ({ result }: Built): Promise<boolean> => (await lab.store.snapshots.get(result.chain!))?.over !== undefined;

async function elsewhere(dockerfile: string): Promise<Built["result"]> {
  using root = temporaryRoot();
  await using store = await openStore({ root: root.root, treeTool });
  return (await lab.build(dockerfile, {}, undefined, store)).result;
}

const AMENDED: readonly (readonly [name: string, change: () => void])[] = [
  ["a file edited", () => writeFileSync(at("7/7.txt"), "edited\n")],
  ["a file edited, its size kept", () => writeFileSync(at("7/7.txt"), "7 8\n")],
  ["a file made executable", () => chmodSync(at("7/7.txt"), 0o755)],
  ["a folder closed", () => chmodSync(at("7"), 0o700)],
  ["files new and gone", () => (writeFileSync(at("7/new"), "n"), unlinkSync(at("8/8.txt")))],
  ["a file renamed", () => renameSync(at("7/7.txt"), at("9/z"))],
  ["a folder gone and one new", () => (rmSync(at("5"), { recursive: true }), mkdirSync(at("new")), writeFileSync(at("new/x"), "x"))],
  ["a link elsewhere", () => (unlinkSync(at("link")), symlinkSync("1/1.txt", at("link")))],
  ["a name that sorts by bytes", () => writeFileSync(at("7/7.txt-é"), "x")],
  ["an empty file", () => writeFileSync(at("7/7.txt"), "")],
];

test.each(AMENDED)("%s: amended, with the digest of a build from nothing", async (_, change) => {
  await rest();
  await lab.build(DOCKERFILE);
  change();
  const built = await lab.build(DOCKERFILE);
  expect(await isAmended(built)).toBe(true);
  expect(built.result.id).toBe((await elsewhere(DOCKERFILE)).id);
});

const WHOLE: readonly (readonly [name: string, change: () => void])[] = [
  ["a folder for a file", () => (unlinkSync(at("7/7.txt")), mkdirSync(at("7/7.txt")))],
  ["a link for a file", () => (unlinkSync(at("7/7.txt")), symlinkSync("x", at("7/7.txt")))],
  ["more than a few", () => Array.from({ length: 300 }, (_, index) => writeFileSync(at(`7/more-${index}`), ""))],
  ["too much to hold", () => ["7.txt", "8.txt"].forEach((name) => writeFileSync(at(`7/${name}`), Buffer.alloc(9 << 20)))],
];

test.each(WHOLE)("%s: written whole, with the digest of a build from nothing", async (_, change) => {
  await rest();
  await lab.build(DOCKERFILE);
  change();
  const built = await lab.build(DOCKERFILE);
  expect(await isAmended(built)).toBe(false);
  expect(built.result.id).toBe((await elsewhere(DOCKERFILE)).id);
});

test("changes add up, are taken back, and are told one build at a time", async () => {
  await rest();
  const first = await lab.build(DOCKERFILE);
  writeFileSync(at("1/1.txt"), "a");
  await lab.build(DOCKERFILE);
  writeFileSync(at("2/2.txt"), "b");
  const third = await lab.build(DOCKERFILE);
  expect(third.steps.get("COPY tree /srv/tree")).toBe("miss: srv/tree/2/2.txt changed");
  expect(third.result.id).toBe((await elsewhere(DOCKERFILE)).id);
  writeFileSync(at("1/1.txt"), "1 1\n");
  writeFileSync(at("3/new"), "");
  const fourth = await lab.build(DOCKERFILE);
  expect(fourth.steps.get("COPY tree /srv/tree")).toBe("miss: srv/tree/1/1.txt changed, srv/tree/3/new is new");
  writeFileSync(at("2/2.txt"), "2 2\n");
  unlinkSync(at("3/new"));
  expect((await lab.build(DOCKERFILE)).result.id).toBe(first.result.id);
});

test("a second change in the same tick as the first is seen", async () => {
  writeFileSync(at("7/7.txt"), "one\n"); // and no rest
  await lab.build(DOCKERFILE);
  writeFileSync(at("7/7.txt"), "two\n");
  const built = await lab.build(DOCKERFILE);
  expect(built.files["srv/tree/7/7.txt"]).toBe("file 644 0:0 two\n");
});

test("a changed time alone changes nothing that the layer shows", async () => {
  await rest();
  const first = await lab.build(DOCKERFILE);
  utimesSync(at("7/7.txt"), 1_000_000_000, 1_000_000_000);
  expect((await lab.build(DOCKERFILE)).result.id).toBe(first.result.id);
});

test("owner and mode of the flags are the amended files' too", async () => {
  const dockerfile = "FROM scratch\nCOPY --chown=7:8 --chmod=640 tree /srv/tree\n";
  await rest();
  await lab.build(dockerfile);
  writeFileSync(at("7/7.txt"), "edited\n");
  const built = await lab.build(dockerfile);
  expect(await isAmended(built)).toBe(true);
  expect(built.files["srv/tree/7/7.txt"]).toBe("file 640 7:8 edited\n");
  expect(built.result.id).toBe((await elsewhere(dockerfile)).id);
});

test("a new file where the image below has one is checked as any other", async () => {
  lab.context({ "below/new": "below" });
  const dockerfile = "FROM scratch\nCOPY below /srv/tree/7\nCOPY tree /srv/tree\n";
  await rest();
  await lab.build(dockerfile);
  writeFileSync(at("7/new"), "above");
  const built = await lab.build(dockerfile);
  expect(await isAmended(built)).toBe(false);
  expect(built.files["srv/tree/7/new"]).toContain("above");
  unlinkSync(at("7/new"));
  expect((await lab.build(dockerfile)).files["srv/tree/7/new"]).toContain("below");
});
