/** Docker's limits as OCI resources. Spec: OCI runtime-spec 1.2, config-linux.md, "Control groups". */
import { statSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { DeviceRate, Limits } from "../limits.ts";
import { RuntimeError } from "../errors.ts";
import type { Resources, ThrottleDevice } from "../spec.ts";
import { availableSet } from "./cpu-sets.ts";
import { deviceNumbers } from "./devices.ts";

const PERIOD_MICROSECONDS = 100_000;
/** Docker's floor: below it a container cannot start. */
const MIN_MEMORY_BYTES = 6 * 1024 * 1024;

/** @throws {RuntimeError} `SPEC_INVALID` */
export function resources(limits: Limits, numberOf: DeviceNumbers = blockDevice): Resources {
  const cpu = cpuOf(limits);
  const memory = memoryOf(limits);
  const blockIO = blockOf(limits, numberOf);
  return {
    ...(Object.keys(cpu).length > 0 && { cpu }),
    ...(Object.keys(memory).length > 0 && { memory }),
    ...(limits.pidsLimit !== undefined && { pids: { limit: limits.pidsLimit === 0 ? -1 : limits.pidsLimit } }),
    ...(Object.keys(blockIO).length > 0 && { blockIO }),
  };
}

type DeviceNumbers = (path: string) => { readonly major: number; readonly minor: number };

function blockOf(limits: Limits, numberOf: DeviceNumbers): NonNullable<Resources["blockIO"]> {
  const { blkioWeight: weight = 0 } = limits;
  const weights = [...(weight === 0 ? [] : [weight]), ...(limits.blkioWeightDevice ?? []).map(({ rate }) => rate)];
  const wrong = weights.find((each) => !(each >= 10 && each <= 1000));
  if (wrong !== undefined) throw new RuntimeError("SPEC_INVALID", `Cannot weigh block input and output with ${wrong}: it ranges from 10 to 1000`);
  const rates = (all: readonly DeviceRate[] = []): readonly ThrottleDevice[] => all.map(({ path, rate }) => ({ ...numberOf(path), rate }));
  const lists = {
    weightDevice: rates(limits.blkioWeightDevice).map(({ rate, ...device }) => ({ ...device, weight: rate })),
    throttleReadBpsDevice: rates(limits.deviceReadBps),
    throttleWriteBpsDevice: rates(limits.deviceWriteBps),
    throttleReadIOPSDevice: rates(limits.deviceReadIOps),
    throttleWriteIOPSDevice: rates(limits.deviceWriteIOps),
  };
  return { ...(weight > 0 && { weight }), ...Object.fromEntries(Object.entries(lists).filter(([, list]) => list.length > 0)) };
}

/** @throws {RuntimeError} `PATH_UNKNOWN` */
function blockDevice(path: string): { readonly major: number; readonly minor: number } {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isBlockDevice() !== true) throw new RuntimeError("PATH_UNKNOWN", `Cannot limit device ${JSON.stringify(path)}: it is no block device`);
  return deviceNumbers(stat.rdev);
}

function cpuOf(limits: Limits): NonNullable<Resources["cpu"]> {
  if (limits.cpus !== undefined && (limits.cpuQuota !== undefined || limits.cpuPeriod !== undefined)) {
    throw new RuntimeError("SPEC_INVALID", "Cannot limit the cpu: cpus and a quota or period exclude each other");
  }
  if (limits.cpus !== undefined && !(limits.cpus >= 0 && limits.cpus <= availableParallelism())) {
    throw new RuntimeError("SPEC_INVALID", `Cannot give ${limits.cpus} cpus: this machine has ${availableParallelism()}`);
  }
  const quota = limits.cpus === undefined || limits.cpus === 0 ? limits.cpuQuota : Math.round(limits.cpus * PERIOD_MICROSECONDS);
  const period = limits.cpus === undefined || limits.cpus === 0 ? limits.cpuPeriod : PERIOD_MICROSECONDS;
  return {
    ...(limits.cpuShares !== undefined && limits.cpuShares > 0 && { shares: limits.cpuShares }),
    ...(quota !== undefined && quota !== 0 && { quota }),
    ...(period !== undefined && period > 0 && { period }),
    ...(limits.cpusetCpus !== undefined && limits.cpusetCpus !== "" && { cpus: availableSet("cpus", limits.cpusetCpus) }),
    ...(limits.cpusetMems !== undefined && limits.cpusetMems !== "" && { mems: availableSet("mems", limits.cpusetMems) }),
  };
}

/** Swap counts memory and swap together; unset it is twice the memory, as in docker. */
function memoryOf(limits: Limits): NonNullable<Resources["memory"]> {
  const { memory, memorySwap, memoryReservation, memorySwappiness: swappiness } = limits;
  if (swappiness !== undefined && !(swappiness >= -1 && swappiness <= 100)) {
    throw new RuntimeError("SPEC_INVALID", `Cannot swap with an eagerness of ${swappiness}: it ranges from 0 to 100`);
  }
  if (memory !== undefined && memory > 0 && memory < MIN_MEMORY_BYTES) {
    throw new RuntimeError("SPEC_INVALID", `Cannot limit the memory to ${memory} bytes: the least is 6 MiB`);
  }
  if (memorySwap !== undefined && memorySwap > 0 && (memory === undefined || memory === 0)) {
    throw new RuntimeError("SPEC_INVALID", "Cannot limit the swap: a memory limit must be given too");
  }
  if (memorySwap !== undefined && memorySwap > 0 && memorySwap < (memory ?? 0)) {
    throw new RuntimeError("SPEC_INVALID", "Cannot limit the swap: it counts memory and swap together and is below the memory limit");
  }
  const limited = memory !== undefined && memory > 0;
  const swap = memorySwap === undefined || memorySwap === 0 ? (limited ? memory * 2 : undefined) : memorySwap;
  return {
    ...(limited && { limit: memory }),
    ...(swap !== undefined && { swap }),
    ...(memoryReservation !== undefined && memoryReservation > 0 && { reservation: memoryReservation }),
    ...(swappiness !== undefined && swappiness !== -1 && { swappiness }),
    ...(limits.oomKillDisable === true && { disableOOMKiller: true }),
  };
}
