/** strata update CONTAINER…: limits of running containers, and their restart policy. */
import { Command } from "commander";
import type { Context } from "../context.ts";
import { type ContainerFlags, limitsOf, parseRestart } from "../containers/container-flags.ts";
import { forEach } from "../containers/each.ts";
import { parseBytes, parseNumber } from "../containers/sizes.ts";

export function command(context: Context): Command {
  return new Command()
    .description("Change the limits of containers")
    .option("--cpus <n>", "number of cpus", parseNumber)
    .option("--cpu-period <microseconds>", "period of the cpu quota", parseNumber)
    .option("--cpu-quota <microseconds>", "cpu time in each period", parseNumber)
    .option("-c, --cpu-shares <weight>", "share of cpu time under contention", parseNumber)
    .option("--cpuset-cpus <list>", "cpus it may use")
    .option("--cpuset-mems <list>", "memory nodes it may use")
    .option("-m, --memory <size>", "memory limit", parseBytes)
    .option("--memory-swap <size>", "memory and swap together; -1 is unlimited", parseBytes)
    .option("--memory-reservation <size>", "soft memory limit", parseBytes)
    .option("--blkio-weight <n>", "share of disk time", parseNumber)
    .option("--pids-limit <n>", "number of processes", parseNumber)
    .option("--restart <policy>", "no, on-failure[:N], always or unless-stopped")
    .argument("<container...>")
    .action(async (names: readonly string[], flags: Partial<ContainerFlags>) => {
      const engine = await context.engine();
      const restart = flags.restart === undefined ? undefined : parseRestart(flags.restart);
      await forEach(context, names, async (name) => await engine.update(name, limitsOf(flags), restart));
    });
}
