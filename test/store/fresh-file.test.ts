/** Files that are written beside their place: nobody else's, and told from what a killed process left. */
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { FreshFile, sweepBeside, sweepFresh } from "../../store/fresh-file.ts";
import { workFolder } from "../support/work-folder.ts";

const LEFT = ".0123456789ab.part";
const at = workFolder();

async function write(place: string, text: string): Promise<void> {
  await using fresh = await FreshFile.open(place);
  await fresh.handle.writeFile(text);
  await fresh.settle();
}

test("two of one place and one process are two files; the last to settle stays", async () => {
  await using first = await FreshFile.open(at("file"));
  await using second = await FreshFile.open(at("file"));
  await first.handle.writeFile("first");
  await second.handle.writeFile("second");
  await first.settle();
  expect(readFileSync(at("file"), "utf8")).toBe("first");
  await second.settle();
  expect([readFileSync(at("file"), "utf8"), readdirSync(at())]).toEqual(["second", ["file"]]);
});

test("one that does not settle leaves what was there, and nothing else", async () => {
  writeFileSync(at("file"), "before");
  {
    await using fresh = await FreshFile.open(at("file"));
    await fresh.handle.writeFile("half");
  }
  expect([readFileSync(at("file"), "utf8"), readdirSync(at())]).toEqual(["before", ["file"]]);
});

test.each([
  { name: "what the umask leaves", like: undefined, mode: 0o666 & ~process.umask() },
  { name: "those of the file that it replaces", like: { mode: 0o100_666 }, mode: 0o666 },
  { name: "few", like: { mode: 0o600 }, mode: 0o600 },
])("permissions are $name", async ({ like, mode }) => {
  await using fresh = await FreshFile.open(at("file"), like);
  await fresh.settle();
  expect(statSync(at("file")).mode & 0o777).toBe(mode);
});

test("errors name the place, not the name beside it", async () => {
  await expect(FreshFile.open(at("none/file"))).rejects.toThrow(`open '${at("none/file")}'`);
  mkdirSync(at("folder/full"), { recursive: true });
  await using fresh = await FreshFile.open(at("folder"));
  await expect(fresh.settle()).rejects.toThrow(`rename '${at("folder")}'`);
});

test("a sweep takes what nobody writes, of the places that are meant, and spares living writers", async () => {
  const foreign = ["other.txt", `other${LEFT}`, "file.part", "file.12.part", `file.tar${LEFT}`];
  for (const name of [...foreign, `file${LEFT}`]) writeFileSync(at(name), "");
  symlinkSync(at("other.txt"), at("file.ba9876543210.part"));
  mkdirSync(at("file.ffffffffffff.part"));
  await using living = await FreshFile.open(at("file"));
  await sweepBeside(at("file"));
  const name = living.path.slice(at().length + 1);
  expect(readdirSync(at()).sort()).toEqual([...foreign, name, "file.ba9876543210.part", "file.ffffffffffff.part"].sort());
  await sweepFresh(at(), (place) => place.startsWith("other"));
  expect(readdirSync(at())).not.toContain(`other${LEFT}`);
  await sweepFresh(at("none"), () => true);
});

test("files are written whole however often others sweep", async () => {
  let isDone = false;
  const sweeping = (async () => {
    while (!isDone) await sweepBeside(at("file"));
  })();
  for (let n = 0; n < 300; n += 1) await write(at("file"), `${n}`);
  isDone = true;
  await sweeping;
  expect([readFileSync(at("file"), "utf8"), readdirSync(at())]).toEqual(["299", ["file"]]);
});
