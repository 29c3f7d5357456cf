/** Code that was kept beside the bundle and is not what was kept, or not for the Node that is there: a slower start, and no other difference. */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { projectRoot, temporaryFolder } from "../support/root.ts";

let place: string;
let bundle: string;
let command: string;

beforeAll(() => {
  place = temporaryFolder();
  bundle = join(place, "dist/bundle");
  command = join(place, "bin/strata.js");
  for (const folder of ["bin", "dist/bundle"]) cpSync(join(projectRoot, folder), join(place, folder), { recursive: true, preserveTimestamps: true });
  for (const link of ["build", "node_modules", "package.json"]) symlinkSync(join(projectRoot, link), join(place, link));
});
afterAll(() => rmSync(place, { recursive: true, force: true }));

const kept = (): readonly string[] => readdirSync(bundle).filter((name) => name.endsWith(".code"));

function strata(): { readonly status: number | null; readonly signal: string | null; readonly stderr: string } {
  const env = { ...process.env, STRATA_ROOT: join(place, "root"), STRATA_RUN_ROOT: join(place, "run") };
  const { status, signal, stderr } = spawnSync(command, ["ps"], { env, encoding: "utf8" });
  return { status, signal, stderr };
}

const damages: readonly { readonly name: string; readonly damage: (path: string, code: Buffer) => void }[] = [
  {
    name: "with zeros in it",
    damage: (path, code) => {
      code.subarray(code.length >> 1).fill(0);
      writeFileSync(path, code);
    },
  },
  {
    name: "with a bit that fell",
    damage: (path, code) => writeFileSync(path, code.fill(code[code.length >> 1]! ^ 1, code.length >> 1, (code.length >> 1) + 1)),
  },
  { name: "that was cut off", damage: (path, code) => truncateSync(path, code.length - 100) },
  { name: "that is empty", damage: (path) => truncateSync(path) },
  { name: "that is a folder", damage: (path) => (rmSync(path), mkdirSync(path)) },
  { name: "that is gone", damage: (path) => rmSync(path) },
];
test.each(damages)("code $name is passed over", ({ damage }) => {
  const whole = kept().map((name) => [join(bundle, name), readFileSync(join(bundle, name))] as const);
  expect(whole.length).toBeGreaterThan(0);
  for (const [path, code] of whole) damage(path, Buffer.from(code));
  try {
    expect(strata()).toEqual({ status: 0, signal: null, stderr: "" });
  } finally {
    for (const [path, code] of whole) {
      rmSync(path, { recursive: true, force: true });
      writeFileSync(path, code);
    }
  }
});

describe("V8's flags", () => {
  const cases: readonly { readonly name: string; readonly before: (built: string) => void; readonly started: string; readonly hasFlags: boolean }[] = [
    { name: "are for the Node of the build", before: () => {}, started: "built", hasFlags: true },
    { name: "are not for one that replaced it", before: (built) => utimesSync(built, 1, 1), started: "found", hasFlags: false },
    { name: "are not for one that is found when it is gone", before: (built) => rmSync(built), started: "found", hasFlags: false },
  ];
  test.each(cases)("$name", ({ before, started, hasFlags }) => {
    const [built, found] = [join(place, "built"), join(place, "found/node")];
    mkdirSync(join(place, "found"), { recursive: true });
    for (const [path, name] of [
      [built, "built"],
      [found, "found"],
    ] as const) {
      writeFileSync(path, `#!/bin/sh\necho ${name} "$@"\n`);
      chmodSync(path, 0o755);
    }
    writeFileSync(join(bundle, "node"), `${built}\n`);
    execFileSync("touch", ["-r", built, join(bundle, "node")]);
    before(built);
    const linked = join(place, "linked");
    rmSync(linked, { force: true });
    symlinkSync(command, linked);
    for (const name of [command, linked, join(place, "bin/strata-runtime.js")]) {
      const words = execFileSync(name, ["ps"], { env: { ...process.env, PATH: `${join(place, "found")}:${process.env["PATH"]}` }, encoding: "utf8" }).split(
        " ",
      );
      expect([words[0], words.includes("--no-rehash-snapshot")]).toEqual([started, hasFlags]);
    }
  });
});
