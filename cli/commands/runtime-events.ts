/** strata-runtime events ID: measurements and kills for want of memory, a line of JSON each, as runc writes them. */
import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";
import { RuntimeError } from "../../runtime/errors.ts";
import { groupsOfContainer, oomKills, statisticsOf } from "../../runtime/process/statistics.ts";
import { readDuration } from "../duration.ts";
import type { OciContext, OpenOci } from "../oci/context.ts";

/** How often it is looked for kills: the kernel's own notice needs a descriptor that Node cannot make. */
const LOOK_MS = 200;

interface Flags {
  readonly interval: string;
  readonly stats?: boolean;
}

export function command(open: OpenOci): Command {
  return new Command()
    .description("Show what a container uses, as lines of JSON")
    .option("--interval <duration>", "time between two measurements", "5s")
    .option("--stats", "measure once and end")
    .argument("<id>")
    .action(async (id: string, { interval, stats = false }: Flags) => {
      const every = readDuration(interval);
      const oci = await open();
      await needRunning(oci, id);
      if (stats) await measure(oci, id);
      else await follow(oci, id, every);
    });
}

async function needRunning({ processes }: OciContext, id: string): Promise<void> {
  const status = (await processes.state(id))?.status;
  if (status === undefined) throw new RuntimeError("CONTAINER_UNKNOWN", `Cannot show events of ${id}: container does not exist`);
  if (status === "stopped") throw new RuntimeError("CONTAINER_STATE", `Cannot show events of ${id}: container not running`);
}

async function measure({ context, processes, runRoot }: OciContext, id: string): Promise<void> {
  const { pid = 0 } = (await processes.state(id)) ?? {};
  const data = statisticsOf(groupsOfContainer(runRoot, id), pid);
  context.stdout.write(`${JSON.stringify({ type: "stats", id, data })}\n`);
}

async function follow(oci: OciContext, id: string, every: number): Promise<void> {
  const { context, processes, runRoot } = oci;
  const groups = groupsOfContainer(runRoot, id);
  let kills = oomKills(groups);
  for (let next = 0; !context.signal.aborted; await sleep(Math.min(LOOK_MS, every))) {
    const now = oomKills(groups);
    if (now > kills) context.stdout.write(`${JSON.stringify({ type: "oom", id })}\n`);
    kills = Math.max(kills, now);
    const status = (await processes.state(id))?.status;
    if (status === undefined || status === "stopped") return;
    if (Date.now() < next) continue;
    await measure(oci, id);
    next = Date.now() + every;
  }
}
