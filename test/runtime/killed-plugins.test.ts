/**
 * Who is killed while CNI plugins are at work: they go on without him, so nobody else may run any for that container before they are done.
 * And plugins that fail to give back: they are asked again.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { rootTag } from "../../runtime/engine/identity.ts";
import { openStore } from "../../store/open.ts";
import type { Store } from "../../store/store.ts";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { eventually } from "../support/cluster.ts";
import { strata, treeTool } from "../support/root.ts";

vi.setConfig({ testTimeout: 120_000 });

const DEBIANS = "/usr/lib/cni";

let box: Box;
let store: Store;
let folder: string;
let bridge: string;
beforeAll(async () => {
  box = await openBox("sleep cat");
  store = await openStore({ root: box.root.root, treeTool });
  folder = join(box.root.root, "plugins");
  bridge = `st${rootTag(box.root.root)}cni`;
  const configurations = join(box.root.root, "net.d");
  for (const path of [folder, configurations]) mkdirSync(path);
  Object.assign(box.root.env, { STRATA_CNI_DIR: configurations, CNI_PATH: [folder, DEBIANS].join(delimiter) });
  writePlugin("addresses", `${DEBIANS}/host-local`);
  writePlugin("link", `${DEBIANS}/bridge`);
  writePlugin("passes", `sh -c 'case $CNI_COMMAND in ADD) sed "s/.*\\"prevResult\\"://; s/}$//" ;; esac'`);
  const ipam = { type: "addresses", dataDir: join(folder, "leases"), ranges: [[{ subnet: "10.234.6.0/24" }]] };
  const plugins = [{ type: "link", bridge, isGateway: true, ipMasq: false, ipam }, { type: "passes" }];
  writeFileSync(join(configurations, "10-slow.conflist"), JSON.stringify({ cniVersion: "1.0.0", name: "slow", plugins }));
});
afterEach(() => rmSync(join(folder, "log"), { force: true }));
afterAll(async () => {
  await store[Symbol.asyncDispose]();
  if (existsSync(`/sys/class/net/${bridge}`)) execFileSync("ip", ["link", "delete", bridge]);
  await box[Symbol.asyncDispose]();
});

/** Does as `program`, but tells when it begins and ends, and with what; it takes `NAME.slow` away and so many seconds, or `NAME.fails` and fails. */
function writePlugin(name: string, program: string): void {
  const say = (words: string): string => `printf '%s\\n' "$CNI_COMMAND ${name} ${words}" >> ${join(folder, "log")}`;
  const [slow, fails, said] = ["slow", "fails", "said"].map((end) => join(folder, `${name}.${end}`));
  const lines = [
    "#!/bin/sh",
    "config=$(cat)",
    say("begins $config"),
    `if [ -e ${slow} ]; then seconds=$(cat ${slow}); rm ${slow}; sleep $seconds; fi`,
    `if rm ${fails} 2>/dev/null; then ${say("ends")}; exit 1; fi`,
    `printf %s "$config" | ${program} > ${said}; status=$?`,
    say("ends"),
    `cat ${said}; exit $status`,
  ];
  writeFileSync(join(folder, name), lines.join("\n"), { mode: 0o755 });
}

interface Step {
  readonly command: string;
  readonly name: string;
  /** What it was given; undefined when it ended. */
  readonly given?: { readonly prevResult?: unknown };
}

function steps(): readonly Step[] {
  const log = join(folder, "log");
  const lines = existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : [];
  return lines.map((line) => {
    const [, command = "", name = "", given] = /^(\w+) (\w+) (?:begins (.*)|ends)$/.exec(line) ?? [];
    return { command, name, ...(given !== undefined && { given: JSON.parse(given) as object }) };
  });
}

/** Each as `ADD link`, with what was run within it, as plugins of addresses are, in brackets. Throws when two were at work side by side. */
function order(): readonly string[] {
  const open: string[] = [];
  return steps().flatMap(({ command, name, given }) => {
    const word = `${command} ${name}`;
    if (given === undefined) {
      expect(open.pop()).toBe(word);
      return [];
    }
    open.push(word);
    expect(open.length).toBeLessThanOrEqual(name === "addresses" ? 2 : 1);
    return [word];
  });
}

function left(): readonly string[] {
  const leases = join(folder, "leases/slow");
  const netns = join(box.root.runRoot, "netns");
  return [
    ...(existsSync(leases) ? readdirSync(leases).filter((name) => name.startsWith("10.")) : []),
    ...(existsSync(netns) ? readdirSync(netns) : []),
    ...(existsSync(`/sys/class/net/${bridge}/brif`) ? readdirSync(`/sys/class/net/${bridge}/brif`) : []),
    ...store
      .table("runtime.cni")
      .list()
      .map(([owner]) => owner),
  ];
}

/** Kills `strata ARGS` and its process group while the plugin `slow` is at work. */
async function killedIn(slow: string, ...args: readonly string[]): Promise<void> {
  await killedFor(2, slow, ...args);
}

/** It is at work for so many seconds. */
async function killedFor(seconds: number, slow: string, ...args: readonly string[]): Promise<void> {
  const file = join(folder, `${slow}.slow`);
  writeFileSync(file, String(seconds));
  const child = spawn(process.execPath, [strata, ...args], { env: box.root.env, stdio: "ignore", detached: true });
  await eventually(async () => await Promise.resolve(expect(existsSync(file)).toBe(false)));
  const ended = once(child, "exit");
  process.kill(-(child.pid ?? 0), "SIGKILL");
  await ended;
}

const run = (...flags: readonly string[]): readonly string[] => ["run", "-d", "--network", "cni:slow", ...flags, BOX_IMAGE, "sleep", "300"];
const ADDED = ["ADD link", "ADD addresses", "ADD passes"];
const DELETED = ["DEL passes", "DEL link", "DEL addresses"];

async function onlyOne(): Promise<string> {
  return await box.strata("ps", "--all", "--quiet", "--no-trunc");
}

test.each(["link", "addresses", "passes"])("an ADD that was killed in %s is done before the next command gives back what it made", async (slow) => {
  await killedIn(slow, ...run());
  const id = await onlyOne();
  await box.strata("rm", "--force", id);
  expect(order()).toEqual([...ADDED.slice(0, slow === "passes" ? 3 : 2), ...DELETED]);
  expect(left()).toEqual([]);
});

test("a container whose ADD was killed is started anew by the next command", async () => {
  await killedIn("addresses", ...run());
  const id = await onlyOne();
  await box.strata("start", id);
  expect(order()).toEqual([...ADDED.slice(0, 2), ...DELETED, ...ADDED]);
  expect(await box.strata("exec", id, "cat", "/proc/net/dev")).toContain("eth0");
  await box.strata("rm", "--force", id);
  expect(left()).toEqual([]);
});

test("what a killed run --rm half made goes when somebody looks", async () => {
  await killedIn("addresses", ...run("--rm"));
  await eventually(async () => expect(await onlyOne()).toBe(""));
  expect(order()).toEqual([...ADDED.slice(0, 2), ...DELETED]);
  expect(left()).toEqual([]);
});

test("who waits for a plugin of a killed command is told so", async () => {
  const id = await box.strata(...run("--name", "slow"));
  await killedFor(8, "link", "rm", "--force", id);
  const { status, stderr } = await box.attempt("rm", "--force", id);
  expect(stderr).toContain(`waiting for container slow: the CNI plugin ${join(folder, "link")}, begun by a command that was killed, has not ended`);
  expect([status, left()]).toEqual([0, []]);
});

test("a DEL that was killed is done before the next command runs all of them again", async () => {
  const id = await box.strata(...run());
  await killedIn("addresses", "rm", "--force", id);
  await box.strata("rm", "--force", id);
  expect(order()).toEqual([...ADDED, ...DELETED, ...DELETED]);
  expect(left()).toEqual([]);
});

test.each(["link", "addresses", "passes"])("a removal that was killed in %s is finished, whatever the restart policy says", async (slow) => {
  const id = await box.strata(...run("--restart", "always", "-v", "/anonymous"));
  await killedIn(slow, "rm", "--force", "--volumes", id);
  await eventually(async () => expect(await onlyOne()).toBe(""));
  expect(steps().filter(({ command }) => command === "ADD").length).toBe(2 * ADDED.length); // once each, begun and ended
  expect([left(), await box.strata("volume", "ls", "--quiet")]).toEqual([[], ""]);
});

test("DEL gets what the plugins before the one that was killed had made", async () => {
  await killedIn("passes", ...run());
  await box.strata("rm", "--force", await onlyOne());
  const deletes = steps().filter(({ command, name, given }) => command === "DEL" && name !== "addresses" && given !== undefined);
  const made = { ips: [{ address: expect.stringMatching(/^10\.234\.6\.\d+\/24$/) as string }] };
  expect(deletes.map(({ given }) => given?.prevResult)).toMatchObject([made, made]);
});

test("a namespace that was never made keeps no plugin from giving back", async () => {
  await killedIn("passes", ...run());
  const id = await onlyOne();
  await eventually(async () => await Promise.resolve(expect(steps().filter(({ given }) => given === undefined).length).toBe(ADDED.length)));
  execFileSync("umount", [join(box.root.runRoot, "netns", id)]); // its file stays, as of one that was not pinned yet
  await box.strata("rm", "--force", id);
  await eventually(async () => await Promise.resolve(expect(left()).toEqual([]))); // the kernel takes the links with the namespace, later
});

test("what a plugin leaves running does not keep the next command waiting", async () => {
  writeFileSync(join(folder, "addresses"), `#!/bin/sh\nsleep 20 </dev/null >/dev/null 2>&1 &\nexec ${DEBIANS}/host-local\n`, { mode: 0o755 });
  await killedIn("passes", ...run());
  const begun = Date.now();
  await box.strata("rm", "--force", await onlyOne());
  expect(Date.now() - begun).toBeLessThan(10_000);
  expect(left()).toEqual([]);
  writePlugin("addresses", `${DEBIANS}/host-local`);
});

test("a container that ends by itself gives back, though who sees to that is told of no folder of plugins", async () => {
  await box.strata("run", "-d", "--network", "cni:slow", BOX_IMAGE, "sleep", "0.1");
  await eventually(async () => await Promise.resolve(expect(order()).toEqual([...ADDED, ...DELETED])));
  await box.strata("rm", await onlyOne());
  expect(left()).toEqual([]);
});

describe("a DEL that failed", () => {
  async function stopped(): Promise<string> {
    const id = await box.strata(...run());
    writeFileSync(join(folder, "passes.fails"), "");
    await box.strata("stop", "--time", "0", id);
    expect(left()).toContain(id);
    return id;
  }

  test("is run again when the container is removed", async () => {
    await box.strata("rm", await stopped());
    expect(order()).toEqual([...ADDED, ...DELETED, ...DELETED]);
    expect(left()).toEqual([]);
  });

  test("is run again before the container is added anew", async () => {
    const id = await stopped();
    await box.strata("start", id);
    expect(order()).toEqual([...ADDED, ...DELETED, ...DELETED, ...ADDED]);
    await box.strata("rm", "--force", id);
    expect(left()).toEqual([]);
  });
});
