/** Docker's flags that mean nothing on one machine without a daemon: taken by the parser, so that each is refused by name and with its reason. */
import { type Command, Option } from "commander";
import { UsageError } from "../errors.ts";

/** `--flag` or `-f, --flag <value>` to why it is refused. */
export type Refusals = Readonly<Record<string, string>>;

const NO_REALTIME = "real-time shares of groups need CONFIG_RT_GROUP_SCHED, which distributions leave out of their kernels";
const NO_KERNEL_MEMORY = "the kernel has dropped this limit; --memory counts kernel memory too";

export const REFUSED_LIMITS: Refusals = {
  "--cpu-rt-period <microseconds>": NO_REALTIME,
  "--cpu-rt-runtime <microseconds>": NO_REALTIME,
  "--kernel-memory <bytes>": NO_KERNEL_MEMORY,
};

export const REFUSED_AT_CREATE: Refusals = {
  ...REFUSED_LIMITS,
  "--gpus <request>": "drivers of graphics cards bring their own hooks and libraries into a container; give it the nodes with --device instead",
  "--link <container>": "links are docker's past; containers on a network of 'strata network create' find each other by name",
  "--link-local-ip <address>": "links get no second address; a network of your own choosing is made with 'strata network create --subnet'",
  "--runtime <name>": "containers are run by strata itself; other OCI runtimes are for podman and containerd",
};

/** Hidden from --help. */
export function refuseFlags(command: Command, refusals: Refusals): Command {
  for (const [flags, reason] of Object.entries(refusals)) {
    const option = new Option(flags).hideHelp();
    command.addOption(option);
    command.on(`option:${option.name()}`, () => {
      throw new UsageError(`Cannot take ${option.long}: ${reason}`);
    });
  }
  return command;
}
