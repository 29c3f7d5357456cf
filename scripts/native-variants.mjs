#!/usr/bin/env node
// Other builds of the native programs and addons than the one that ships, by the targets of binding.gyp.
// Usage: node scripts/native-variants.mjs sanitized | analyze
//   sanitized  into build/Sanitized, with ASan and UBSan: the first finding ends the program. Only what changed is compiled.
//   analyze    gcc's analyzer over every source; a warning is an error. What was clean and has not changed is not asked again.
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const project = fileURLToPath(new URL("../", import.meta.url));
const run = promisify(execFile);
const gyp = JSON.parse(readFileSync(join(project, "binding.gyp"), "utf8"));
const programs = gyp.targets.filter((target) => target.type === "executable");
const addons = gyp.targets.filter((target) => target.type === "loadable_module");
/** As node-gyp found them. */
const { nodedir } = JSON.parse(readFileSync(join(project, "build/config.gypi"), "utf8").replaceAll(/^#.*$/gm, "")).variables;

const SANITIZE = ["-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
const ANALYZE = ["-O1", "-g", "-fanalyzer", "-c", "-o", "/dev/null"];
const warnings = gyp.target_defaults.cflags.filter((flag) => !flag.startsWith("-O"));

function sourcesOf(target) {
  return target.sources.flatMap((word) =>
    word.startsWith("<!@(")
      ? execFileSync("sh", ["-c", word.slice(4, -1)], { cwd: project, encoding: "utf8" })
          .trim()
          .split("\n")
      : [word],
  );
}

function includesOf(target) {
  const node =
    target.type === "loadable_module"
      ? ["-isystem", join(nodedir, "include/node"), `-DNODE_GYP_MODULE_NAME=${target.target_name}`, "-D_LARGEFILE_SOURCE", "-D_FILE_OFFSET_BITS=64"]
      : [];
  return [...(gyp.target_defaults.include_dirs ?? []), ...(target.include_dirs ?? [])].flatMap((folder) => ["-I", folder]).concat(node);
}

/** One after the other on each processor. */
async function inParallel(tasks) {
  const left = [...tasks];
  const failures = [];
  const work = async () => {
    for (let task = left.shift(); task !== undefined; task = left.shift()) await task().catch((error) => failures.push(error.stderr || String(error)));
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  if (failures.length > 0) throw new Error(failures.join("\n"));
}

/** What gcc would read, told apart by its bytes: the source and every header that it takes. */
async function preprocessed(flags, source) {
  const { stdout } = await run("gcc", [...flags, "-E", source], { cwd: project, maxBuffer: 1 << 28 });
  return createHash("sha256").update(flags.join(" ")).update(stdout).digest("hex");
}

/** `act` unless the same was done before; `made` is what it leaves. */
async function once(folder, flags, source, made, act) {
  const digest = await preprocessed(flags, source);
  const note = join(folder, `${source.replaceAll("/", "_")}.digest`);
  if (existsSync(note) && readFileSync(note, "utf8") === digest && (made === undefined || existsSync(made))) return false;
  await act();
  writeFileSync(note, digest);
  return true;
}

/** A fuzzer is the program without its main, and another one. */
function fuzzerOf(name, target, main) {
  const program = programs.find((one) => one.target_name === target);
  const sources = sourcesOf(program).filter((source) => !source.endsWith("/main.c"));
  return { ...program, target_name: name, sources: [...sources, "test/native/fuzz.c", main], include_dirs: [...(program.include_dirs ?? []), "test/native"] };
}

const fuzzers = [fuzzerOf("fuzz-launch", "strata-helper", "test/native/fuzz-launch.c"), fuzzerOf("fuzz-tree", "strata-tree", "test/native/fuzz-tree.c")];

/** An addon's options come with the environment of the node that loads it, and the runtime of the sanitizers before it. */
async function sanitized() {
  for (const target of [...programs, ...fuzzers, ...addons]) {
    const isAddon = target.type === "loadable_module";
    const folder = join(project, "build/Sanitized", "objects", target.target_name);
    mkdirSync(folder, { recursive: true });
    const flags = [...warnings, ...SANITIZE, ...(isAddon ? ["-fPIC"] : []), ...includesOf(target)];
    const objects = [];
    let changed = false;
    const sources = [...sourcesOf(target), ...(isAddon ? [] : ["scripts/native/sanitizer-options.c"])];
    await inParallel(
      sources.map((source) => async () => {
        const object = join(folder, `${source.replaceAll("/", "_")}.o`);
        objects.push(object);
        const compile = async () => await run("gcc", [...flags, "-c", source, "-o", object], { cwd: project });
        changed = (await once(folder, flags, source, object, compile)) || changed;
      }),
    );
    const output = join(project, "build/Sanitized", isAddon ? `${target.target_name}.node` : target.target_name);
    if (changed || !existsSync(output)) await run("gcc", [...SANITIZE, ...(isAddon ? ["-shared"] : []), ...objects, "-o", output], { cwd: project });
  }
}

async function analyze() {
  const folder = join(project, "build/Analyzed");
  mkdirSync(folder, { recursive: true });
  const flags = (target) => [...warnings, ...ANALYZE.slice(0, 3), ...includesOf(target)];
  const all = new Map([...programs, ...addons].flatMap((target) => sourcesOf(target).map((source) => [source, flags(target)])));
  await inParallel(
    [...all].map(([source, words]) => async () => {
      await once(folder, words, source, undefined, async () => await run("gcc", [...words, "-c", "-o", "/dev/null", source], { cwd: project }));
    }),
  );
}

const variants = { sanitized, analyze };
const variant = variants[process.argv[2]];
if (variant === undefined) {
  process.stderr.write("usage: native-variants.mjs sanitized | analyze\n");
  process.exit(2);
}
try {
  execFileSync("flock", ["3"], { stdio: ["ignore", "ignore", "inherit", openSync(join(project, "build/.variants"), "w")] }); // two test files ask at once; held till the end
  await variant();
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
