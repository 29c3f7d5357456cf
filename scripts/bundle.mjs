#!/usr/bin/env node
// Joins the compiled rooms into few files under dist/bundle and keeps V8's compiled code of them, for a quick start of short commands.
// Usage: node scripts/bundle.mjs (after tsc -b)
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { bundledWorkers } from "./bundled-workers.mjs";

const project = fileURLToPath(new URL("../", import.meta.url));
const dist = join(project, "dist");
const out = join(dist, "bundle");
const ENTRIES = { strata: join(dist, "cli/main.js"), "strata-runtime": join(dist, "cli/runtime-main.js"), "code-cache": join(dist, "cli/code-cache.js") };

/** What threads run, by the name of its file in the bundle. */
const workers = {};

/** Each file goes on finding what lies beside its own place: workers, the helper, data. */
const keepPlaces = {
  name: "keep-places",
  transform(code, id) {
    if (!id.startsWith(dist) || !code.includes("import.meta.url")) return null;
    const place = JSON.stringify(`/${relative(out, id)}`);
    return { code: code.replaceAll("import.meta.url", `require("node:url").pathToFileURL(__dirname + ${place}).href`) };
  },
};

/** commander loads what it starts subcommands with at once: 4 ms for something that no verb does. */
const lateChildProcess = {
  name: "late-child-process",
  transform(code, id) {
    if (!id.endsWith("/commander/lib/command.js")) return null;
    return {
      code: code.replace("const childProcess = require('node:child_process');", "").replaceAll("childProcess.spawn(", "require('node:child_process').spawn("),
    };
  },
};

/**
 * undici's index loads all that it can do, fetch and WebSocket too: 40 ms of a pull. This is what is used of it.
 * Its parser is WebAssembly, and V8 would soon compile it anew for speed: 0.1 s and 30 MB to parse a few dozen heads.
 */
const leanUndici = {
  name: "lean-undici",
  load(id) {
    if (!id.endsWith("/undici/index.js")) return null;
    return `
const dispatcher = require("./lib/dispatcher/dispatcher");
dispatcher.prototype.request = require("./lib/api/api-request");
exports.Agent = require("./lib/dispatcher/agent");
Object.defineProperty(exports, "EnvHttpProxyAgent", { enumerable: true, get: () => require("./lib/dispatcher/env-http-proxy-agent") });
exports.request = (url, { dispatcher = require("./lib/global").getGlobalDispatcher(), ...options } = {}) => {
  const { origin, pathname, search } = new URL(url);
  const method = options.method ?? (options.body ? "PUT" : "GET");
  return dispatcher.request({ ...options, origin, path: pathname + search, method });
};`;
  },
  transform(code, id) {
    if (!id.endsWith("/undici/lib/dispatcher/client-h1.js")) return null;
    const begins = "llhttpInstance = lazyllhttp()";
    if (!code.includes(begins)) throw new Error(`Cannot bundle ${id}: it does not say where its parser begins`);
    return { code: code.replace(begins, `require("node:v8").setFlagsFromString("${TIERING}2000000000"); ${begins}; ${AS_BEFORE}`) };
  },
};

/** A module takes its budget when it is made; after that the flag is put back, for V8 refuses code that was kept under other flags. */
const TIERING = "--wasm-tiering-budget=";
const USUAL = /default: --wasm-tiering-budget=(\d+)/.exec(spawnSync(process.execPath, ["--v8-options"], { encoding: "utf8" }).stdout)?.[1];
const AS_BEFORE = USUAL === undefined ? "" : `require("node:v8").setFlagsFromString("${TIERING}${USUAL}");`;

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
    plugins: [bundledWorkers(dist, workers), keepPlaces, lateChildProcess, leanUndici],
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
  for (const [name, file] of Object.entries(workers)) await bundleWorker(name, file);
  writeFileSync(join(out, "package.json"), '{ "type": "commonjs" }\n');
  const chunks = output.filter(({ type }) => type === "chunk");
  for (const { fileName, moduleIds } of chunks)
    if (moduleIds.every((id) => id.startsWith(dist) || groupOf(id) !== undefined)) {
      loadSlowOnesLate(fileName);
      escapeNonASCII(fileName);
    }
  return new Map(chunks.map(({ fileName, moduleIds }) => [fileName, moduleIds]));
}

async function bundleWorker(name, file) {
  const build = await rolldown({ input: { [name]: file }, platform: "node", external: ["lmdb", "zlib-sync"], plugins: [keepPlaces] });
  await build.write({ dir: out, format: "cjs", minify: true, dynamicImportInCjs: false, entryFileNames: "[name].cjs", codeSplitting: false });
}

/**
 * What short commands load goes into a few files, for each costs half a millisecond: what all of them load, what only a cached build
 * loads, and what only containers' commands load.
 */
function hotGroups(chunks, hot) {
  const modulesOf = (files) => new Set([...chunks].flatMap(([file, modules]) => (files.includes(file) && !file.startsWith("code-cache") ? modules : [])));
  const [build, containers] = [modulesOf(hot.build), modulesOf(hot.containers)];
  const entries = new Set(Object.values(ENTRIES)); // a program begins when its own file is loaded, and only then
  return (id) => {
    if (entries.has(id) || !(build.has(id) || containers.has(id))) return undefined;
    if (!containers.has(id)) return "build";
    return build.has(id) ? "short" : "containers";
  };
}

/** As bin/strata.js begins short commands, and as it begins all others; the ends of their files' names are those of cli/code-cache.ts. */
const SHORT = ["--no-rehash-snapshot", "--interrupt-budget=1000000"];
const PLAIN = [];

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
  const strata = (...args) => spawnSync(process.execPath, [...flags, join(project, "bin/strata.js"), ...args], { env, encoding: "utf8" });
  try {
    warmContainers(strata, env);
    const containers = takeRecorded(flags);
    warmBuild(join(folder, "context"), strata, env);
    const build = takeRecorded(flags);
    warmBuild(join(folder, "again"), strata, env);
    warmContainers(strata, env);
    return { build, containers };
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
function warmContainers(strata, env) {
  delete env.RECORD_CODE_OF_STRATA;
  if (strata("base", "create", "warm/tools", "--bin", "true,sleep").status !== 0) return;
  env.RECORD_CODE_OF_STRATA = "1";
  if (strata("run", "--rm", "--network", "none", "warm/tools", "true").status !== 0) return;
  strata("run", "--rm", "--network", "host", "warm/tools", "true");
  const { stdout } = strata("run", "--detach", "--network", "none", "warm/tools", "sleep", "60");
  const id = stdout.trim();
  for (const args of [["exec", id, "true"], ["ps"], ["inspect", id], ["rm", "--force", id]]) strata(...args);
}

/** A small image to a registry and back. The registry is one of ours, which records nothing. */
async function warmTransfers() {
  const folder = mkdtempSync(join(tmpdir(), "strata-bundle-"));
  const env = { ...process.env, STRATA_ROOT: join(folder, "root"), STRATA_RUN_ROOT: join(folder, "run"), NODE_EXTRA_CA_CERTS: "" };
  const at = (root, recorded) => ({ ...env, STRATA_ROOT: join(folder, root), ...(recorded ? { RECORD_CODE_OF_STRATA: "1" } : {}) });
  const strata = (args, from) => spawnSync(process.execPath, [join(project, "bin/strata.js"), ...args], { env: from, stdio: "ignore" });
  const serving = [join(project, "bin/strata.js"), "registry", "serve", "--listen", "127.0.0.1:0", "--root", join(folder, "served")];
  const server = spawn(process.execPath, serving, { env, stdio: ["ignore", "ignore", "pipe"] });
  try {
    const [said] = await once(server.stderr, "data", { signal: AbortSignal.timeout(30_000) });
    const name = `${/127\.0\.0\.1:\d+/.exec(String(said))?.[0]}/warm/tools:v1`;
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

const chunks = await bundle();
const hot = warm(SHORT);
await bundle(hotGroups(chunks, hot));
for (const flags of [SHORT, PLAIN]) warm(flags);
await warmTransfers();
