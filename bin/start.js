// Starts a program from its bundle; from the compiled rooms when those are newer (during development) or there is no bundle.
"use strict";
const { readdirSync, statSync } = require("node:fs");
const { join } = require("node:path");

const dist = join(__dirname, "../dist");
const bundle = join(dist, "bundle");

function isBundled() {
  const bundled = statSync(join(bundle, "code-cache.cjs"), { throwIfNoEntry: false });
  if (bundled === undefined) return false;
  const builds = join(dist, ".tsbuildinfo");
  return (
    statSync(builds, { throwIfNoEntry: false }) === undefined || readdirSync(builds).every((room) => statSync(join(builds, room)).mtimeMs <= bundled.mtimeMs)
  );
}

exports.start = function start(name, rooms) {
  if (!isBundled()) return import(join(dist, rooms));
  const { startBundled, startRecorded } = require(join(bundle, "code-cache.cjs"));
  if (process.env.RECORD_CODE_OF_STRATA === undefined) return startBundled(bundle, name);
  process.once("exit", startRecorded(bundle, name).save);
};
