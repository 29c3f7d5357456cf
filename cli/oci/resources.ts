/** Pure: the flags of `update` as linux.resources. */
import type { Resources } from "../../runtime/spec.ts";
import { UsageError } from "../errors.ts";

export interface UpdateFlags {
  readonly blkioWeight?: string;
  readonly cpuPeriod?: string;
  readonly cpuQuota?: string;
  readonly cpuBurst?: string;
  readonly cpuShare?: string;
  readonly cpuIdle?: string;
  readonly cpuRtPeriod?: string;
  readonly cpuRtRuntime?: string;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly memory?: string;
  readonly memoryReservation?: string;
  readonly memorySwap?: string;
  readonly pidsLimit?: string;
}

/** @throws {UsageError} */
export function resourcesOf(flags: UpdateFlags): Resources {
  const cpu = {
    ...number("period", "--cpu-period", flags.cpuPeriod),
    ...number("quota", "--cpu-quota", flags.cpuQuota),
    ...number("burst", "--cpu-burst", flags.cpuBurst),
    ...number("shares", "--cpu-share", flags.cpuShare),
    ...number("idle", "--cpu-idle", flags.cpuIdle),
    ...number("realtimePeriod", "--cpu-rt-period", flags.cpuRtPeriod),
    ...number("realtimeRuntime", "--cpu-rt-runtime", flags.cpuRtRuntime),
    ...(flags.cpusetCpus !== undefined && { cpus: flags.cpusetCpus }),
    ...(flags.cpusetMems !== undefined && { mems: flags.cpusetMems }),
  };
  const memory = {
    ...number("limit", "--memory", flags.memory),
    ...number("reservation", "--memory-reservation", flags.memoryReservation),
    ...number("swap", "--memory-swap", flags.memorySwap),
  };
  const pids = number("limit", "--pids-limit", flags.pidsLimit);
  return {
    ...(Object.keys(cpu).length > 0 && { cpu }),
    ...(Object.keys(memory).length > 0 && { memory }),
    ...(pids.limit !== undefined && { pids: { limit: pids.limit } }),
    ...(flags.blkioWeight !== undefined && { blockIO: number("weight", "--blkio-weight", flags.blkioWeight) }),
  };
}

function number<Name extends string>(name: Name, flag: string, text: string | undefined): { readonly [Key in Name]?: number } {
  if (text === undefined) return {};
  if (!/^-?\d+$/.test(text)) throw new UsageError(`Cannot use ${flag} ${text}: that is no number`);
  return { [name]: Number(text) } as { readonly [Key in Name]?: number };
}
