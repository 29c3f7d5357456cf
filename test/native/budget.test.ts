/** The native programs stay small: who adds to one takes something away, or says here why not. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { projectRoot } from "../support/root.ts";

/** Folders and files below the project. */
const parts = [
  {
    name: "from clone to execve, with all that it shares",
    paths: [
      "runtime/native/init",
      "runtime/native/launch/operations.c",
      "runtime/native/launch/operations.h",
      "runtime/native/launch/channel.c",
      "runtime/native/processes.c",
      "runtime/native/processes.h",
      "store/native/common",
    ],
    most: 2000,
  },
  { name: "before it: options, cgroups, maps", paths: ["runtime/native/launch"], most: 1540 }, // and opening disks, and overlays of mapped layers
  { name: "the monitor and its keeper", paths: ["runtime/native/monitor"], most: 1200 },
  { name: "copies into containers and out of them", paths: ["runtime/native/unpack"], most: 530 }, // those of a container with a disk too
  { name: "disks of containers", paths: ["runtime/native/disk"], most: 200 },
  { name: "strata-minder", paths: ["runtime/native/minder"], most: 500 },
  { name: "strata-network", paths: ["runtime/network/native"], most: 1010 }, // and bridges that linger
  { name: "strata-loopback", paths: ["runtime/network/loopback"], most: 600 }, // also with many slow or half-open ones, and when it is killed
  { name: "what strata-loopback and strata-names share", paths: ["runtime/network/server"], most: 80 },
  { name: "strata-tree", paths: ["store/native/tree"], most: 1250 },
];

test.each(parts)("$name", ({ paths, most }) => {
  const files = paths.map((path) => join(projectRoot, path)).flatMap((path) => (/\.[ch]$/.test(path) ? [path] : sourcesIn(path)));
  const texts = files.map((file) => readFileSync(file, "utf8"));
  expect(texts.reduce((sum, text) => sum + text.split("\n").length - 1, 0)).toBeLessThanOrEqual(most);
  // Lines are not joined to get there.
  expect(texts.flatMap((text) => text.split("\n")).filter((line) => line.length > 180)).toEqual([]);
});

function sourcesIn(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => /\.[ch]$/.test(name))
    .map((name) => join(folder, name));
}
