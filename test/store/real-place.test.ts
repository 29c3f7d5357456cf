/** Where links lead, also when nothing is there. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { expect, test } from "vitest";
import { realPlace } from "../../store/real-place.ts";
import { workFolder } from "../support/work-folder.ts";

const at = workFolder();

test.each([
  { name: "a plain file", path: "real/file", real: "real/file" },
  { name: "what is not there", path: "real/none", real: "real/none" },
  { name: "a link", path: "home/link", real: "real/file" },
  { name: "a link to a link", path: "home/again", real: "real/file" },
  { name: "a link to what is not there yet", path: "home/dangling", real: "real/later" },
  { name: "a link below a linked folder", path: "linked/link", real: "real/file" },
])("the real place of $name", ({ path, real }) => {
  for (const folder of ["real", "deep/home"]) mkdirSync(at(folder), { recursive: true });
  writeFileSync(at("real/file"), "");
  symlinkSync("deep/home", at("home"));
  symlinkSync(at("deep/home"), at("linked"));
  symlinkSync("../../real/file", at("home/link"));
  symlinkSync("link", at("home/again"));
  symlinkSync("../../real/later", at("home/dangling"));
  expect(realPlace(at(path))).toBe(at(real));
});

test("links that lead in a circle are taken as they are", () => {
  symlinkSync("b", at("a"));
  symlinkSync("a", at("b"));
  expect(dirname(realPlace(at("a")))).toBe(at());
});
