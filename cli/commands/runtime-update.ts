/** strata-runtime update ID: changes limits while the container runs. */
import { Command } from "commander";
import { RuntimeError } from "../../runtime/errors.ts";
import { readResources } from "../oci/bundle.ts";
import type { OpenOci } from "../oci/context.ts";
import { type RefusedFlags, refuseFlags } from "../oci/refusals.ts";
import { resourcesOf, type UpdateFlags } from "../oci/resources.ts";

interface Flags extends UpdateFlags, RefusedFlags {
  readonly resources?: string;
}

export function command(open: OpenOci): Command {
  return new Command()
    .description("Change the limits of a running container")
    .option("-r, --resources <file>", "linux.resources as JSON; - is standard input; other flags are then not read")
    .option("--blkio-weight <weight>", "share of the disks, 10 to 1000")
    .option("--cpu-period <microseconds>", "length of a period")
    .option("--cpu-quota <microseconds>", "processor time in a period; -1 for no limit")
    .option("--cpu-burst <microseconds>", "time that may be saved up for later periods")
    .option("--cpu-share <shares>", "weight against other containers")
    .option("--cpu-idle <0|1>", "run only when nothing else does")
    .option("--cpu-rt-period <microseconds>", "length of a real-time period")
    .option("--cpu-rt-runtime <microseconds>", "real-time processor time in a period")
    .option("--cpuset-cpus <list>", "processors")
    .option("--cpuset-mems <list>", "memory nodes")
    .option("--memory <bytes>", "memory; -1 for no limit")
    .option("--memory-reservation <bytes>", "memory that is left when it gets short")
    .option("--memory-swap <bytes>", "memory and swap together; -1 for no limit")
    .option("--pids-limit <number>", "processes; -1 for no limit")
    .option("--l3-cache-schema <schema>", "refused: Intel's resource director is not supported")
    .option("--mem-bw-schema <schema>", "refused: Intel's resource director is not supported")
    .argument("<id>")
    .action(async (id: string, flags: Flags) => {
      refuseFlags(flags);
      const { processes } = await open();
      const state = await processes.state(id);
      if (state === undefined) throw new RuntimeError("CONTAINER_UNKNOWN", `Cannot update ${id}: container does not exist`);
      await processes.update(id, flags.resources === undefined ? resourcesOf(flags) : readResources(flags.resources));
    });
}
