/** Code that was kept beside the bundle and is not what was kept, or not for the Node that is there: a slower start, and no other difference. */
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
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

describe("the shell's line", () => {
  interface Case {
    readonly name: string;
    readonly before?: (built: string) => void;
    readonly started?: string;
    readonly flags?: boolean;
    /** Part of the name of the file that is run. */
    readonly main?: string;
  }
  const later = (path: string, seconds: number): void => {
    const time = statSync(join(bundle, "strata.start.cjs")).mtimeMs / 1000 + seconds;
    utimesSync(path, time, time);
  };
  const room = (seconds: number): void => {
    const builds = join(place, "dist/.tsbuildinfo");
    mkdirSync(builds);
    writeFileSync(join(builds, "cli"), "");
    later(join(builds, "cli"), seconds);
  };
  const cases: readonly Case[] = [
    { name: "gives V8's flags to the Node of the build", started: "built" },
    { name: "gives none to one that replaced it", before: (built) => utimesSync(built, 1, 1), flags: false, main: ".js" },
    { name: "gives none to one that is found when it is gone", before: (built) => rmSync(built), flags: false, main: ".js" },
    { name: "begins with the bundle when all rooms were compiled before", before: () => room(-5), started: "built" },
    { name: "begins with the script when a room was compiled later", before: () => room(5), started: "built", main: ".js" },
    { name: "begins with the script when the bundle cannot begin", before: rmStarts, started: "built", main: ".js" },
  ];
  function rmStarts(): void {
    for (const program of ["strata", "strata-runtime"]) rmSync(join(bundle, `${program}.start.cjs`));
  }
  test.each(cases)("$name", ({ before, started = "found", flags = true, main = ".start.cjs" }) => {
    const [built, found, linked] = [join(place, "built"), join(place, "found/node"), join(place, "linked")];
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
    const starts = ["strata", "strata-runtime"].map((program) => join(bundle, `${program}.start.cjs`)).map((path) => [path, readFileSync(path)] as const);
    symlinkSync(command, linked);
    try {
      before?.(built);
      for (const name of [command, linked, join(place, "bin/strata-runtime.js")]) {
        const env = { ...process.env, PATH: `${join(place, "found")}:${process.env["PATH"]}` };
        const words = execFileSync(name, ["ps"], { env, encoding: "utf8" }).trim().split(" ");
        const run = words[words.indexOf("--") + 1];
        const program = name.endsWith("strata-runtime.js") ? "strata-runtime" : "strata";
        const script = main === ".js" ? name : join(place, `bin/../dist/bundle/${program}.start.cjs`);
        expect({ node: words[0], flags: words.includes("--no-rehash-snapshot"), run: join(run ?? "") }).toEqual({
          node: started,
          flags,
          run: script,
        });
        expect(words.at(-1)).toBe("ps");
      }
    } finally {
      rmSync(linked);
      rmSync(join(place, "dist/.tsbuildinfo"), { recursive: true, force: true });
      for (const [path, content] of starts) writeFileSync(path, content);
    }
  });
});
