#!/usr/bin/env node
// Joins the compiled rooms into few files under dist/bundle and keeps V8's compiled code of them, for a quick start of short commands.
// Usage: node scripts/bundle.mjs (after tsc -b)
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { bundledWorkers } from "./bundled-workers.mjs";
import { leanCommander, leanUndici } from "./lean-packages.mjs";

const project = fileURLToPath(new URL("../", import.meta.url));
const dist = join(project, "dist");
const out = join(dist, "bundle");
const ENTRIES = { strata: join(dist, "cli/main.js"), "strata-runtime": join(dist, "cli/runtime-main.js") };

/** What begins a program, by the name of its file in the bundle. */
const STARTS = {
  "code-cache": join(dist, "cli/code-cache.js"),
  ...Object.fromEntries(Object.keys(ENTRIES).map((program) => [`${program}.start`, join(dist, "cli/start-bundled.js")])),
};

/** What threads run, by the name of its file in the bundle. */
const workers = {};

/** A path is joined, which is quicker than to make a URL of it and a path of that. */
const PATH_BESIDE = /\bfileURLToPath\(new URL\((["`])([^"`]+)\1, import\.meta\.url\)\)/g;

/** Each file goes on finding what lies beside its own place: workers, the helper, data. */
const keepPlaces = {
  name: "keep-places",
  transform(code, id) {
    if (!id.startsWith(dist) || !code.includes("import.meta.url")) return null;
    const place = JSON.stringify(`/${relative(out, id)}`);
    const paths = code.replaceAll(
      PATH_BESIDE,
      (_, quote, path) => `require("node:path").join(__dirname, ${quote}${join(relative(out, dirname(id)), path)}${quote})`,
    );
    return { code: paths.replaceAll("import.meta.url", `require("node:url").pathToFileURL(__dirname + ${place}).href`) };
  },
};

/** Node's modules that take a millisecond and more to load, which few commands use all of. */
const SLOW = "child_process|crypto|dgram|fs/promises|module|net|os|perf_hooks|readline|stream|stream/promises|timers/promises|url|worker_threads|zlib";

/** A file of ASCII alone is half as large in memory, and read without being decoded. Such characters are in strings and regular expressions only. */
function escapeNonASCII(file) {
  const path = join(out, file);
  const code = readFileSync(path, "utf8");
  writeFileSync(
    path,
    code.replaceAll(/[^\x00-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`),
  );
}

/** In files of our rooms a slow module of Node's is loaded when something of it is first used, unless it is taken whole. */
function loadSlowOnesLate(file) {
  const path = join(out, file);
  const code = readFileSync(path, "utf8");
  const late = code.replaceAll(new RegExp(`\\b([\\w$]+)=require\\(("node:(?:${SLOW})")\\)`, "g"), (whole, name, module) =>
    code.includes(`.a(${name},1)`) ? whole : `${name}=$late(${module})`,
  );
  if (late === code) return;
  if (code.includes("$late")) throw new Error(`Cannot bundle ${file}: it uses the name $late itself`);
  writeFileSync(path, `const $late=(name)=>{let it;return new Proxy({},{get:(_,key)=>(it??=process.getBuiltinModule(name))[key]})};${late}`);
}

/** `groupOf` names the file that a module goes to; without a name rolldown decides. Gives the modules of each file. */
async function bundle(groupOf = () => undefined) {
  rmSync(out, { recursive: true, force: true });
  const build = await rolldown({
    input: ENTRIES,
    platform: "node",
    external: ["lmdb", "zlib-sync"],
    plugins: [bundledWorkers(dist, workers), keepPlaces, leanCommander, leanUndici],
    preserveEntrySignatures: "allow-extension",
    checks: { ineffectiveDynamicImport: false }, // who imports such a module statically is loaded late itself
  });
  const { output } = await build.write({
    dir: out,
    format: "cjs",
    minify: true,
    dynamicImportInCjs: false,
    entryFileNames: "[name].cjs",
    chunkFileNames: "[name]-[hash].cjs",
    codeSplitting: { includeDependenciesRecursively: false, groups: [{ name: groupOf, debugName: "hot" }] },
  });
  for (const [name, file] of Object.entries({ ...workers, ...STARTS })) await bundleAlone(name, file);
  writeFileSync(join(out, "package.json"), '{ "type": "commonjs" }\n');
  const chunks = output.filter(({ type }) => type === "chunk");
  for (const { fileName, moduleIds } of chunks)
    if (moduleIds.every((id) => id.startsWith(dist) || groupOf(id) !== undefined)) {
      loadSlowOnesLate(fileName);
      escapeNonASCII(fileName);
    }
  return new Map(chunks.map(({ fileName, moduleIds }) => [fileName, moduleIds]));
}

/** What begins before the rest of the bundle can be loaded, or without it. */
async function bundleAlone(name, file) {
  const build = await rolldown({ input: { [name]: file }, platform: "node", external: ["lmdb", "zlib-sync"], plugins: [keepPlaces] });
  await build.write({ dir: out, format: "cjs", minify: true, dynamicImportInCjs: false, entryFileNames: "[name].cjs", codeSplitting: false });
}

/**
 * What short commands load goes into a few files, for each costs some time, and so does what is in it and not used: what all of them load,
 * what only a cached build loads, and of containers' commands what all, what only `run` and what only others load.
 */
function hotGroups(chunks, hot) {
  const modulesOf = (files) => new Set([...chunks].flatMap(([file, modules]) => (files.includes(file) ? modules : [])));
  const [build, run, exec, others] = [hot.build, hot.run, hot.exec, hot.others].map(modulesOf);
  const entries = new Set(Object.values(ENTRIES)); // a program begins when its own file is loaded, and only then
  return (id) => {
    if (entries.has(id)) return undefined;
    const ofContainers = run.has(id) || exec.has(id) || others.has(id);
    if (build.has(id)) return ofContainers ? "short" : "build";
    if (!ofContainers) return undefined;
    if (run.has(id)) return exec.has(id) ? "containers" : "run";
    return exec.has(id) ? "exec" : "others";
  };
}

/** As bin/strata.js begins short commands, and as it begins all others; the ends of their files' names are those of cli/code-cache.ts. */
const SHORT = flagsOf("bin/strata.js");
const PLAIN = [];
if (String(flagsOf("bin/strata-runtime.js")) !== String(SHORT))
  throw new Error("Cannot keep V8's code: bin/strata-runtime.js begins node with other flags than bin/strata.js");

/** V8 takes code only with the flags that it was made with, so they are read from the one place that says them. */
function flagsOf(program) {
  const flags = /flags="([^"]+)"/.exec(readFileSync(join(project, program), "utf8"))?.[1].split(" ");
  const mark = /execArgv\.includes\("([^"]+)"\)/.exec(readFileSync(join(dist, "cli/code-cache.js"), "utf8"))?.[1];
  if (!flags?.includes(mark)) throw new Error(`Cannot keep V8's code: cli/code-cache.ts knows short commands by ${mark}, which ${program} does not say`);
  return flags;
}

/** Names of the bundle's files whose code was kept, which is forgotten. */
function takeRecorded(flags) {
  const code = flags === SHORT ? /^dist_bundle_(.*)\.short\.code$/ : /^dist_bundle_(.*)\.plain\.code$/;
  return readdirSync(out).flatMap((name) => {
    const file = code.exec(name)?.[1];
    if (file !== undefined) rmSync(join(out, name));
    return file ?? [];
  });
}

/**
 * A small build and a small container, recorded: the code that they compiled is what later commands need not compile again.
 * The variable that asks for it is none of those that go on to what a monitor starts, which would write at the same time.
 */
function warm(flags) {
  const folder = mkdtempSync(join(tmpdir(), "strata-bundle-"));
  const env = { ...process.env, STRATA_ROOT: join(folder, "root"), STRATA_RUN_ROOT: join(folder, "run") };
  const command = [process.execPath, ...flags, join(project, "bin/strata.js")];
  const strata = (...args) => spawnSync(command[0], [...command.slice(1), ...args], { env, encoding: "utf8" });
  strata.apart = (...args) => spawnSync("unshare", ["--net", ...command, ...args], { env, stdio: "ignore" }); // its bridge goes with the namespace
  try {
    const containers = warmContainers(strata, env, () => takeRecorded(flags));
    warmBuild(join(folder, "context"), strata, env);
    const build = takeRecorded(flags);
    warmBuild(join(folder, "again"), strata, env);
    warmContainers(strata, env);
    return { build, ...containers };
  } finally {
    removeFolder(folder);
  }
}

/** The last monitor is just ending, and what it writes meanwhile keeps its folder from going: node's own retries would not look again. */
function removeFolder(folder) {
  for (let tries = 0; existsSync(folder); tries++)
    try {
      rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      if (tries === 50) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    }
}

function warmBuild(context, strata, env) {
  delete env.RECORD_CODE_OF_STRATA;
  mkdirSync(context);
  writeFileSync(join(context, "Dockerfile"), "FROM scratch\nARG NAME=world\nENV GREETING=${NAME:-all}\nCOPY Dockerfile /\n");
  for (const record of [false, true]) {
    if (record) env.RECORD_CODE_OF_STRATA = "1";
    const { status, stderr } = strata("build", "-q", "-t", "warm", context);
    if (status !== 0) throw new Error(`Cannot warm the bundle: strata build ended with ${status}\n${stderr}`);
  }
}

/** Where no container can run there is nothing to make quick. */
function warmContainers(strata, env, take = () => []) {
  const loaded = { run: [], exec: [], others: [] };
  delete env.RECORD_CODE_OF_STRATA;
  isWarm = false;
  if (strata("base", "create", "warm/tools", "--bin", "true,sleep").status !== 0) return loaded;
  env.RECORD_CODE_OF_STRATA = "1";
  if (strata("run", "--rm", "--network", "none", "warm/tools", "true").status !== 0) return loaded;
  strata("run", "--rm", "--network", "host", "warm/tools", "true");
  isWarm = strata.apart("run", "--rm", "warm/tools", "true").status === 0;
  const { stdout } = strata("run", "--detach", "--network", "none", "warm/tools", "sleep", "60");
  const id = stdout.trim();
  loaded.run = take();
  strata("exec", id, "true");
  loaded.exec = take();
  for (const args of [["ps"], ["inspect", id], ["rm", "--force", id]]) strata(...args);
  loaded.others = take();
  return loaded;
}

/** A small image to a registry and back. The registry is one of ours, which records nothing. */
async function warmTransfers() {
  const folder = mkdtempSync(join(tmpdir(), "strata-bundle-"));
  const env = { ...process.env, STRATA_ROOT: join(folder, "root"), STRATA_RUN_ROOT: join(folder, "run"), NODE_EXTRA_CA_CERTS: "" };
  const at = (root, recorded) => ({ ...env, STRATA_ROOT: join(folder, root), ...(recorded ? { RECORD_CODE_OF_STRATA: "1" } : {}) });
  const strata = (args, from) => spawnSync(process.execPath, [join(project, "bin/strata.js"), ...args], { env: from, stdio: "ignore" });
  const serving = [join(project, "bin/strata.js"), "--root", join(folder, "served"), "registry", "serve", "--listen", "127.0.0.1:0"];
  const server = spawn(process.execPath, serving, { env, stdio: ["ignore", "pipe", "ignore"] });
  try {
    const [said] = await once(server.stdout, "data", { signal: AbortSignal.timeout(30_000) });
    const address = /127\.0\.0\.1:\d+/.exec(String(said))?.[0];
    if (address === undefined) throw new Error(`Cannot warm the bundle: the registry does not say where it listens\n${said}`);
    const name = `${address}/warm/tools:v1`;
    if (strata(["base", "create", name, "--bin", "true"], env).status !== 0) return;
    strata(["push", name], at("root", true));
    strata(["copy", `docker://${name}`, `oci:${join(folder, "layout")}:v1`], at("root", true));
    strata(["copy", `oci:${join(folder, "layout")}:v1`, `docker://${name.replace("tools", "copied")}`], at("root", true));
    strata(["pull", name], at("other", true));
  } finally {
    const ended = once(server, "exit");
    if (server.kill("SIGKILL")) await ended;
    removeFolder(folder);
  }
}

/** Only this very program is given V8's flags, see bin/strata.js: its path, in a file of its time. */
function nameNode() {
  const file = join(out, "node");
  writeFileSync(file, `${process.execPath}\n`);
  const { status } = spawnSync("touch", ["-r", process.execPath, file], { stdio: "inherit" }); // to the nanosecond, which utimes() rounds
  if (status !== 0) rmSync(file);
}

/** Written last, after a bundle whose commands all could run: what is newer than this asks for another. */
const MADE = join(out, "made");

/** False where something could not run, which may be installed later. */
let isWarm = false;

/** Everything that a bundle is made of: compiled rooms, this script's parts, programs, packages. */
function sources() {
  const compiled = readdirSync(dist, { recursive: true })
    .filter((name) => !name.startsWith("bundle"))
    .map((name) => join(dist, name));
  const own = ["bin", "scripts"].flatMap((folder) => readdirSync(join(project, folder)).map((name) => join(project, folder, name)));
  return [...compiled, ...own, ...["package.json", "node_modules/.package-lock.json", "build/Release"].map((name) => join(project, name))];
}

function isMade() {
  const changed = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const node = join(out, "node");
  if (!existsSync(node) || readFileSync(node, "utf8").trim() !== process.execPath || changed(node) !== changed(process.execPath)) return false;
  const made = changed(MADE);
  return sources().every((path) => changed(path) < made);
}

async function make() {
  const chunks = await bundle();
  const hot = warm(SHORT);
  await bundle(hotGroups(chunks, hot));
  for (const flags of [SHORT, PLAIN]) warm(flags);
  await warmTransfers();
  nameNode();
  if (isWarm) writeFileSync(MADE, "");
}

if (!isMade()) await make();
