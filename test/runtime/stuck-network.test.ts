/** Containers whose start failed on the network: what cannot be taken down at once is when they are removed, and nothing else stays. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Engine } from "../../runtime/engine.ts";
import { openEngine } from "../../runtime/open-engine.ts";
import { openProcesses } from "../../runtime/open-processes.ts";
import { programs, strata } from "../support/root.ts";
import { type Lab, openLab } from "./engine-lab.ts";
import { orphans } from "./nothing-left.ts";

let lab: Lab;
let engine: Engine;
let stuck: string;
let bridgeless: string;
beforeAll(async () => {
  lab = await openLab();
  const { root, runRoot } = lab.root;
  [stuck, bridgeless] = [join(runRoot, "stuck"), join(runRoot, "bridgeless")];
  const network = join(runRoot, "network");
  writeFileSync(network, `#!/bin/sh\n[ -e ${stuck} ] && exit 1\n[ "$3" = bridge ] && [ -e ${bridgeless} ] && exit 1\nexec ${programs.network} "$@"\n`, {
    mode: 0o755,
  });
  const self = [process.execPath, strata, "--root", root];
  const processes = await openProcesses({ runRoot, helper: programs.helper });
  engine = await openEngine({ root, runRoot, programs: { ...programs, network }, self, store: lab.store, processes });
});
afterAll(async () => await lab[Symbol.asyncDispose]());

async function owners(): Promise<readonly string[]> {
  return Object.keys((await engine.networks.get("bridge"))?.endpoints ?? {});
}

test("a container that could not be taken off its network stays until it can be", async () => {
  const { record } = await engine.create({ image: lab.image, network: { kind: "bridge", name: "bridge" }, command: ["true"] });
  writeFileSync(stuck, "");
  await expect(engine.start(record.id)).rejects.toThrow();
  expect(await owners()).toEqual([record.id]);
  await expect(engine.remove(record.id)).rejects.toThrow();
  expect(await engine.get(record.id)).toMatchObject({ record: { id: record.id } });
  rmSync(stuck);
  await engine.remove(record.id);
  expect(await owners()).toEqual([]);
  expect(await lab.leftovers()).toEqual([]);
});

test("a bridge that could not be made leaves none of the rules that were written meanwhile", async () => {
  const { record } = await engine.create({ image: lab.image, network: { kind: "bridge", name: "bridge" }, command: ["true"] });
  writeFileSync(bridgeless, "");
  await expect(engine.start(record.id)).rejects.toThrow();
  expect(orphans(lab.root, lab.store, [record.id], [])).toEqual([]);
  rmSync(bridgeless);
  await engine.remove(record.id);
  expect(await lab.leftovers()).toEqual([]);
});
