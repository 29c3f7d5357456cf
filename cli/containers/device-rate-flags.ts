/** --device-read-bps and its like: how fast a container may use one block device. Spec: docker run. */
import type { Command } from "commander";
import type { DeviceRate, Limits } from "../../runtime/limits.ts";
import { UsageError } from "../errors.ts";
import { parseBytes, parseNumber } from "./sizes.ts";

export interface DeviceRateFlags {
  readonly blkioWeightDevice: readonly DeviceRate[];
  readonly deviceReadBps: readonly DeviceRate[];
  readonly deviceReadIops: readonly DeviceRate[];
  readonly deviceWriteBps: readonly DeviceRate[];
  readonly deviceWriteIops: readonly DeviceRate[];
}

export function addDeviceRateFlags(command: Command): Command {
  const none: readonly DeviceRate[] = [];
  const rates = (parse: (text: string) => number) => (value: string, all: readonly DeviceRate[]) => [...all, parseRate(value, parse)];
  return command
    .option("--device-read-bps <device:rate>", "bytes a second to read from a device", rates(parseBytes), none)
    .option("--device-write-bps <device:rate>", "bytes a second to write to a device", rates(parseBytes), none)
    .option("--device-read-iops <device:rate>", "reads a second from a device", rates(parseNumber), none)
    .option("--device-write-iops <device:rate>", "writes a second to a device", rates(parseNumber), none)
    .option("--blkio-weight-device <device:weight>", "share of a device's time", rates(parseNumber), none);
}

/** @throws {UsageError} */
function parseRate(text: string, parse: (text: string) => number): DeviceRate {
  const [, path = "", rate = ""] = /^(\/.+):([^:]+)$/.exec(text) ?? [];
  const value = path === "" ? Number.NaN : parse(rate);
  if (!(value > 0)) throw new UsageError(`invalid device rate: ${JSON.stringify(text)}: /dev/DEVICE:RATE is needed`);
  return { path, rate: value };
}

export function deviceRates(flags: DeviceRateFlags): Limits {
  const all = {
    blkioWeightDevice: flags.blkioWeightDevice,
    deviceReadBps: flags.deviceReadBps,
    deviceWriteBps: flags.deviceWriteBps,
    deviceReadIOps: flags.deviceReadIops,
    deviceWriteIOps: flags.deviceWriteIops,
  };
  return Object.fromEntries(Object.entries(all).filter(([, list]) => list.length > 0));
}
