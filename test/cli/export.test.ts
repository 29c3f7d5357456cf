/** strata export, and clients of containers that a signal is to end. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { strata, temporaryRoot } from "../support/root.ts";

vi.setConfig({ testTimeout: 180_000 });

let box: Box;
let files: ReturnType<typeof temporaryRoot>;
beforeAll(async () => {
  box = await openBox("sh true cat sleep");
  files = temporaryRoot();
}, 180_000);
afterAll(async () => {
  await box[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

/** Name and size of each entry. */
function listed(tar: string): ReadonlyMap<string, number> {
  const { status, stdout, stderr } = spawnSync("tar", ["--list", "--verbose", "--file", tar], { encoding: "utf8", maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(stderr);
  const rows = stdout
    .trim()
    .split("\n")
    .map((line) => /^\S+ \S+ +(\S+) \S+ \S+ (.*?)(?: -> .*)?$/.exec(line));
  return new Map(rows.map((row) => [(row?.[2] ?? "").replace(/\/$/, ""), Number(row?.[1])]));
}

test("a container that runs is exported without what is mounted in it, as one that does not", async () => {
  await box.strata(
    "run",
    "-d",
    "--name",
    "busy",
    "--network",
    "none",
    "-v",
    "data:/data",
    BOX_IMAGE,
    "sh",
    "-c",
    "echo mine > /mine; echo not > /data/file; sleep 1000",
  );
  await expect.poll(async () => (await box.attempt("exec", "busy", "cat", "/data/file")).stdout).toBe("not\n");
  const running = join(files.root, "..", "running.tar");
  await box.strata("export", "-o", running, "busy");
  const entries = listed(running);
  expect(entries.get("mine")).toBe(5);
  for (const empty of ["data", "proc", "sys", "dev"])
    expect([...entries.keys()].filter((name) => name === empty || name.startsWith(`${empty}/`))).toEqual([empty]);
  expect(entries.get("etc/hosts")).toBe(0);
  await box.strata("stop", "-t", "0", "busy");
  const stopped = join(files.root, "..", "stopped.tar");
  await box.strata("export", "-o", stopped, "busy");
  expect(listed(stopped).get("mine")).toBe(5);
  expect([...listed(stopped).keys()].filter((name) => name.startsWith("data"))).toEqual(["data"]);
});

test.each(["SIGINT", "SIGTERM"] as const)("%s ends a client that passes no signals on, and leaves the program", async (signal) => {
  const name = `left-${signal.toLowerCase()}`;
  await box.strata("run", "-d", "--name", name, "--network", "none", BOX_IMAGE, "sh", "-c", "while sleep 0.1; do echo x; done");
  const client = spawn(process.execPath, [strata, "attach", "--sig-proxy=false", name], { env: box.root.env, stdio: ["ignore", "pipe", "inherit"] });
  await once(client.stdout, "data");
  client.stdout.resume();
  client.kill(signal);
  expect(await once(client, "exit")).toEqual([signal === "SIGINT" ? 130 : 143, null]);
  await sleep(200);
  expect(await box.strata("inspect", "-f", "{{.State.Status}}", name)).toBe("running");
  await box.strata("rm", "-f", name);
});
