/** A bridge that nobody is on: it waits for the next container, and goes with what ends it, whoever was killed meanwhile. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { rootTag } from "../../runtime/engine/identity.ts";
import type { NetworkRecord } from "../../runtime/network/record.ts";
import { openStore } from "../../store/open.ts";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { strataOutput } from "../support/cli.ts";
import { eventually } from "../support/cluster.ts";
import { type TemporaryRoot, temporaryRoot, treeTool } from "../support/root.ts";

vi.setConfig({ testTimeout: 180_000 });

let box: Box;
beforeAll(async () => {
  box = await openBox("sh cat true");
});
afterAll(async () => await box[Symbol.asyncDispose]());
beforeEach(async () => {
  await box.strata("network", "prune", "--force");
});

/** Bridges and tables of a root. */
function kept({ root }: TemporaryRoot): readonly string[] {
  const tag = rootTag(root);
  const bridges = readdirSync("/sys/class/net").filter((name) => new RegExp(`^st${tag}\\d+$`).test(name));
  const tables = execFileSync("nft", ["list", "tables"], { encoding: "utf8" }).split("\n");
  return [...bridges, ...tables.filter((line) => line.endsWith(`strata_${tag}`))];
}

function waiter({ runRoot }: TemporaryRoot): number {
  return Number(readFileSync(join(runRoot, "bridges/idle"), "latin1").split(":")[0]);
}

async function run(network = "bridge"): Promise<void> {
  expect(await box.strata("run", "--rm", "--network", network, BOX_IMAGE, "cat", "/proc/net/dev")).toContain("eth0:");
}

test("serves the next container, and prune takes it down at once", async () => {
  await run();
  const before = kept(box.root);
  expect(before).toHaveLength(2);
  await run();
  expect(kept(box.root)).toEqual(before);
  await box.strata("network", "prune", "--force");
  expect(kept(box.root)).toEqual([]);
});

test("is waited for by another process when the one that waited is killed", async () => {
  await run();
  const killed = waiter(box.root);
  process.kill(killed, "SIGKILL");
  await run();
  expect(waiter(box.root)).not.toBe(killed);
  await eventually(async () => await Promise.resolve(expect(kept(box.root)).toEqual([])));
});

test("goes with its network, and leaves those of others", async () => {
  await box.strata("network", "create", "gone");
  await run();
  const before = kept(box.root);
  await run("gone");
  expect(kept(box.root)).toHaveLength(3);
  await box.strata("network", "rm", "gone");
  expect(kept(box.root)).toEqual(before);
});

test("gets its rules anew when they were never written", async () => {
  await run();
  execFileSync("nft", ["delete", "table", "ip", `strata_${rootTag(box.root.root)}`]);
  rmSync(join(box.root.runRoot, "bridges"), { recursive: true }); // as one leaves it who is killed while they are being written
  await run();
  expect(kept(box.root)).toHaveLength(2);
});

/** As the record of a network has it of one that went while nobody could give it back. */
async function leaveEndpoint(network: string): Promise<void> {
  await using store = await openStore({ root: box.root.root, treeTool });
  const table = store.table<NetworkRecord>("runtime.networks");
  const record = table.get(network)!;
  const owner = "f".repeat(64);
  await table.put(network, { ...record, endpoints: { [owner]: { owner, offset: 9, device: "eth0", ports: [], address: "10.0.0.9", mac: "", names: [] } } });
}

test.each(["bridge", "left"])("%s is pruned when only what was left of a container is on it", async (network) => {
  if (network !== "bridge") await box.strata("network", "create", network);
  await run(network);
  await leaveEndpoint(network);
  await box.strata("network", "prune", "--force");
  expect(kept(box.root)).toEqual([]);
  expect(await box.strata("network", "ls", "--format", "{{.Name}}")).not.toContain("left");
});

test("a network is removed when only what was left of a container is on it, and not with a container", async () => {
  await box.strata("network", "create", "left");
  await leaveEndpoint("left");
  expect(await box.strata("network", "rm", "left")).toBe("left");
  await box.strata("network", "create", "used");
  const id = await box.strata("run", "-di", "--network", "used", BOX_IMAGE, "cat");
  expect((await box.attempt("network", "rm", "used")).stderr).toMatch(/^strata: error while removing network: network used id \w+ has active endpoints\n/);
  await box.strata("rm", "-f", id);
  await box.strata("network", "rm", "used");
});

test("goes with a root that is removed", async () => {
  const root = temporaryRoot();
  await strataOutput(root, "base", "create", BOX_IMAGE, "--bin", "true");
  await strataOutput(root, "run", "--rm", BOX_IMAGE, "true");
  expect(kept(root)).toHaveLength(2);
  root[Symbol.dispose]();
  await eventually(async () => await Promise.resolve(expect(kept(root)).toEqual([])));
});
