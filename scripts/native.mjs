#!/usr/bin/env node
// Builds the native parts again when a source of theirs is newer: after a pull, say. `npm ci` builds them all.
import { spawnSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const project = fileURLToPath(new URL("../", import.meta.url));
const NAMES = [
  "strata-helper",
  "strata-minder",
  "strata-network",
  "strata-names",
  "strata-loopback",
  "strata-tree",
  "strata-system.node",
  "strata-zlib.node",
  "strata-transfer.node",
];
const OUTPUTS = NAMES.map((name) => join(project, "build/Release", name));
const FOLDERS = ["runtime/native", "runtime/network", "store/native", "http/native", "system/native"].map((folder) => join(project, folder));

const changed = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
const sources = FOLDERS.flatMap((folder) =>
  readdirSync(folder, { recursive: true })
    .filter((name) => /\.[ch]$/.test(name))
    .map((name) => join(folder, name)),
);

const newest = Math.max(...[join(project, "binding.gyp"), ...sources].map(changed));
if (OUTPUTS.some((path) => changed(path) < newest)) {
  const { status } = spawnSync("npm", ["run", "--silent", "native"], { cwd: project, stdio: ["ignore", "ignore", "inherit"] });
  process.exitCode = status ?? 1;
}
