/** A few hundred starts and stops in one process, on a network and off it: what grows with them would leak. `npm run soak -- cycles` does ten thousand. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { eventually } from "../support/cluster.ts";
import { openedForAll } from "../support/opened.ts";
import { openLab } from "./engine-lab.ts";
import { everythingLeft } from "./nothing-left.ts";

const LANES = 4;
const LIVES = 10;
const CONTAINERS = 24;

const lab = openedForAll(openLab);

interface Counts {
  readonly descriptors: number;
  readonly children: number;
  readonly mounts: number;
}

function counts(): Counts {
  return {
    descriptors: readdirSync("/proc/self/fd").length,
    children: readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ").filter(Boolean).length,
    mounts: readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .filter((line) => line.includes(lab.root.runRoot)).length,
  };
}

async function live(index: number): Promise<string> {
  const network = index % 6 === 0 ? ({ kind: "bridge", name: "bridge" } as const) : ({ kind: "none" } as const);
  const { record } = await lab.engine.create({ image: lab.image, network, command: ["sleep", "300"] });
  for (let lives = 0; lives < LIVES; lives++) {
    await lab.engine.start(record.id, { settle: "caller" });
    await lab.engine.stop(record.id, { timeout: 0 });
  }
  await lab.engine.remove(record.id);
  return record.id;
}

test(`${CONTAINERS * LIVES} starts and stops leave nothing`, { timeout: 300_000 }, async () => {
  const ids = [await live(0)]; // what is opened once and kept is no leak
  await lab.engine.networks.removeIdle();
  await eventually(async () => expect(await Promise.resolve(counts().children)).toBe(0));
  const before = counts();
  const left = Array.from({ length: CONTAINERS }, (_, index) => index);
  const lane = async (): Promise<void> => {
    for (let index = left.shift(); index !== undefined; index = left.shift()) ids.push(await live(index));
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  await lab.engine.networks.removeIdle();
  await eventually(async () => {
    const after = await Promise.resolve(counts());
    for (const [name, count] of Object.entries(before))
      expect(after, name).toMatchObject({ [name]: expect.toSatisfy((now: number) => now <= count) as number });
  }); // there may be less: before, one was still closing what it had done with
  await eventually(async () => expect(await Promise.resolve(everythingLeft(lab.root, lab.store, ids))).toEqual([]));
});
