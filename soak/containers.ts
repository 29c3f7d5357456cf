/** Many containers at once: started, entered and stopped side by side. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { settledInventory, takeInventory } from "./inventory.ts";
import type { Inventory } from "./leaks.ts";
import { openPlace, type Place } from "./place.ts";

/** Operations under way at a time. */
const LANES = 8;
/** One in so many is entered. */
const ENTERED = 5;
const WARM_UP = 24;

export interface ContainersReport {
  readonly count: number;
  readonly seconds: Readonly<Record<string, number>>;
  /** KiB for one container: its monitor and keeper, shared pages in parts. */
  readonly supervision: number;
  readonly before: Inventory;
  readonly during: Inventory;
  readonly after: Inventory;
}

export async function soakContainers(count: number): Promise<ContainersReport> {
  await using place = await openPlace();
  const { engine } = place;
  await warmUp(place);
  const before = takeInventory(place);
  const seconds: Record<string, number> = {};
  const timed = async (name: string, work: Promise<unknown>): Promise<void> => {
    const from = performance.now();
    await work;
    seconds[name] = (performance.now() - from) / 1000;
  };
  const ids: string[] = [];
  await timed(
    "create and start",
    side(Array.from({ length: count }), async () => void ids.push(await startOne(place))),
  );
  const running = (await engine.list()).filter(({ status }) => status.status === "running");
  if (running.length !== count) throw new Error(`only ${running.length} of ${count} run at once`);
  await timed(
    `exec in one of ${ENTERED}`,
    side(
      ids.filter((_, index) => index % ENTERED === 0),
      async (id) => await enter(place, id),
    ),
  );
  const [during, supervision] = [takeInventory(place), supervisionOf(place, ids)];
  await timed(
    "stop",
    side(ids, async (id) => await engine.stop(id, { timeout: 0 })),
  );
  await timed(
    "remove",
    side(ids, async (id) => await engine.remove(id)),
  );
  return { count, seconds, supervision, before, during, after: await settledInventory(place, before) };
}

/** What is opened and loaded once is not taken for a leak. */
async function warmUp(place: Place): Promise<void> {
  const ids: string[] = [];
  await side(Array.from({ length: WARM_UP }), async () => void ids.push(await startOne(place)));
  await side(ids, async (id) => await enter(place, id));
  await side(ids, async (id) => await place.engine.remove(id, { force: true }));
  await place.engine.networks.removeIdle();
}

/** All on one network, each with an address of its own. */
async function startOne({ engine, image }: Place): Promise<string> {
  const { record } = await engine.create({ image, command: ["sleep", "3600"], network: { kind: "bridge", name: "bridge" } });
  await engine.start(record.id, { settle: "caller" });
  return record.id;
}

async function enter({ engine }: Place, id: string): Promise<void> {
  const { attachment, exit } = await engine.exec(id, { command: ["cat", "/etc/hostname"] });
  let said = "";
  for await (const { data } of attachment?.output ?? []) said += Buffer.from(data).toString();
  if ((await exit).exitCode !== 0 || said.trim() !== id.slice(0, said.trim().length)) throw new Error(`exec in ${id} said ${JSON.stringify(said)}`);
}

async function side<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = [...all];
  const lane = async (): Promise<void> => {
    while (left.length > 0) await work(left.shift() as T);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

function supervisionOf({ runRoot }: Place, ids: readonly string[]): number {
  const pids = ids.flatMap((id) => {
    const { monitor, keeper } = JSON.parse(readFileSync(join(runRoot, "containers", id, "pid"), "utf8")) as { monitor: number; keeper: number };
    return [monitor, keeper];
  });
  const sizes = pids.map((pid) => Number(/^Pss: +(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1]));
  return Math.round(sizes.reduce((sum, size) => sum + size, 0) / ids.length);
}
