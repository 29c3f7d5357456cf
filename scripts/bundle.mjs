#!/usr/bin/env node
// Joins the compiled rooms into few files under dist/bundle and keeps V8's compiled code of them, for a quick start of short commands.
// Usage: node scripts/bundle.mjs (after tsc -b)
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const project = fileURLToPath(new URL("../", import.meta.url));
const dist = join(project, "dist");
const out = join(dist, "bundle");
const ENTRIES = { strata: join(dist, "cli/main.js"), "strata-runtime": join(dist, "cli/runtime-main.js"), "code-cache": join(dist, "cli/code-cache.js") };

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

/** `groupOf` names the file that a module goes to; without a name rolldown decides. Gives the modules of each file. */
async function bundle(groupOf = () => undefined) {
  rmSync(out, { recursive: true, force: true });
  const build = await rolldown({
    input: ENTRIES,
    platform: "node",
    external: ["lmdb", "zlib-sync"],
    plugins: [keepPlaces, lateChildProcess],
    preserveEntrySignatures: "allow-extension",
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
  writeFileSync(join(out, "package.json"), '{ "type": "commonjs" }\n');
  return new Map(output.flatMap((file) => (file.type === "chunk" ? [[file.fileName, file.moduleIds]] : [])));
}

/** What a cached build loads goes into a few files, one a room: each file more costs a third of a millisecond. */
function hotGroups(chunks) {
  const loaded = [...chunks].filter(([file]) => !file.startsWith("code-cache") && recordedFiles().includes(join(out, file)));
  const hot = new Set(loaded.flatMap(([, modules]) => modules));
  for (const entry of Object.values(ENTRIES)) hot.delete(entry); // a program begins when its own file is loaded, and only then
  return (id) => (hot.has(id) ? (id.startsWith(dist) ? relative(dist, id).split("/")[0] : "packages") : undefined);
}

/** The head of code.bin: see cli/code-cache.ts. */
function recordedFiles() {
  const blob = readFileSync(join(out, "code.bin"));
  return Object.keys(JSON.parse(blob.toString("utf8", 4, 4 + blob.readUInt32LE(0))));
}

/** A small build, recorded: the code that it compiled is what later commands need not compile again. */
function warm() {
  const folder = mkdtempSync(join(tmpdir(), "strata-bundle-"));
  const context = join(folder, "context");
  mkdirSync(context);
  writeFileSync(join(context, "Dockerfile"), "FROM scratch\nARG NAME=world\nENV GREETING=${NAME:-all}\nCOPY Dockerfile /\n");
  const env = { ...process.env, STRATA_ROOT: join(folder, "root"), STRATA_RUN_ROOT: join(folder, "run") };
  try {
    for (const record of [false, true]) {
      const options = { env: record ? { ...env, STRATA_RECORD_CODE: "1" } : env, encoding: "utf8" };
      const { status, stderr } = spawnSync(process.execPath, [join(project, "bin/strata.js"), "build", "-q", "-t", "warm", context], options);
      if (status !== 0) throw new Error(`Cannot warm the bundle: strata build ended with ${status}\n${stderr}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const chunks = await bundle();
warm();
await bundle(hotGroups(chunks));
warm();
