import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readProcessFile, removeProcessFile, writeProcessFile } from "../../orchestrator/process-file.ts";
import { temporaryRoot } from "../support/root.ts";

test("the process of a cluster is known while it lives", () => {
  using root = temporaryRoot();
  mkdirSync(join(root.root, "cluster"));
  expect(readProcessFile(root.root)).toBeUndefined();
  writeProcessFile(root.root);
  expect(readProcessFile(root.root)).toBe(process.pid);
  removeProcessFile(root.root);
  expect(readProcessFile(root.root)).toBeUndefined();
});

test("a process that nobody has waited for is dead, and so is one whose pid another has now", async () => {
  using root = temporaryRoot();
  mkdirSync(join(root.root, "cluster"));
  const file = join(root.root, "cluster/process");
  const parent = spawn("sh", ["-c", "sleep 0.01 & echo $!; exec sleep 120"], { stdio: ["ignore", "pipe", "ignore"] }); // sleep never waits for the child it inherits
  const [line] = (await once(parent.stdout, "data")) as [Buffer];
  const pid = Number(line.toString());
  const stat = () => readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  const started = stat()[19];
  while (stat()[0] !== "Z") await new Promise((resolve) => setTimeout(resolve, 5));
  writeFileSync(file, `${pid} ${started}\n`);
  expect(readProcessFile(root.root)).toBeUndefined();
  writeFileSync(file, `${process.pid} 1\n`);
  expect(readProcessFile(root.root)).toBeUndefined();
  parent.kill();
  await once(parent, "exit");
});
