/** IPv4 arithmetic for subnets and the addresses in them. Pure. */
import { RuntimeError } from "../errors.ts";

export interface Subnet {
  /** The network's own address as a number. */
  readonly base: number;
  readonly prefix: number;
}

/** A link's name must hold the offset of an address: four hex digits. */
export const MIN_PREFIX = 16;
const MAX_PREFIX = 29;

/** @throws {RuntimeError} `SPEC_INVALID` */
export function parseSubnet(text: string): Subnet {
  const match = /^([\d.]+)\/(\d{1,2})$/.exec(text);
  const base = match?.[1] === undefined ? undefined : parseAddress(match[1]);
  const prefix = Number(match?.[2]);
  if (base === undefined || prefix < MIN_PREFIX || prefix > MAX_PREFIX) {
    throw new RuntimeError("SPEC_INVALID", `Cannot use the subnet ${JSON.stringify(text)}: an IPv4 subnet from /${MIN_PREFIX} to /${MAX_PREFIX} is needed`);
  }
  return { base: (base & mask(prefix)) >>> 0, prefix };
}

export function formatSubnet(subnet: Subnet): string {
  return `${formatAddress(subnet.base)}/${subnet.prefix}`;
}

export function parseAddress(text: string): number | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join(".");
}

export function addressAt(subnet: Subnet, offset: number): string {
  return formatAddress(subnet.base + offset);
}

/** Offset 1: the bridge. */
export function gatewayOf(subnet: Subnet): string {
  return addressAt(subnet, 1);
}

/** Locally administered, told by the address, so that a new owner of an address does not meet a stale ARP entry. */
export function macOf(address: string): string {
  const hex = address.split(".").map((part) => Number(part).toString(16).padStart(2, "0"));
  return `02:42:${hex.join(":")}`;
}

export function overlaps(one: Subnet, other: Subnet): boolean {
  const prefix = mask(Math.min(one.prefix, other.prefix));
  return (one.base & prefix) === (other.base & prefix);
}

/** Second bytes of 10.0.0.0/8 that are left to the services of clusters. */
const SERVICES = { first: 96, last: 99 };

/** The first of 10.88.0.0/16, 10.89.0.0/16 … 10.127.0.0/16, 172.16.0.0/16 … that meets none of `taken`. */
export function chooseSubnet(taken: readonly Subnet[]): Subnet | undefined {
  const seconds = [...range(88, SERVICES.first - 1), ...range(SERVICES.last + 1, 127)];
  const candidates = [...seconds.map((second) => `10.${second}.0.0`), ...range(16, 31).map((second) => `172.${second}.0.0`)];
  return firstFree(candidates, 16, taken);
}

/** The first of 10.96.0.0/20, 10.96.16.0/20 … 10.99.240.0/20 that meets none of `taken`. */
export function chooseServiceRange(taken: readonly Subnet[]): Subnet | undefined {
  const candidates = range(SERVICES.first, SERVICES.last).flatMap((second) => range(0, 15).map((part) => `10.${second}.${part * 16}.0`));
  return firstFree(candidates, 20, taken);
}

function firstFree(bases: readonly string[], prefix: number, taken: readonly Subnet[]): Subnet | undefined {
  return bases.map((base) => ({ base: parseAddress(base) ?? 0, prefix })).find((candidate) => !taken.some((subnet) => overlaps(candidate, subnet)));
}

/** The next free offset after `last`, round robin, so that an address is not used again at once. */
export function nextOffset(subnet: Subnet, used: ReadonlySet<number>, last: number): number | undefined {
  const size = 2 ** (32 - subnet.prefix);
  const usable = size - 3; /* neither network, gateway nor broadcast */
  for (let step = 1; step <= usable; step++) {
    const offset = 2 + ((Math.max(last, 1) - 1 + step - 1) % usable);
    if (!used.has(offset)) return offset;
  }
  return undefined;
}

function mask(prefix: number): number {
  return prefix === 0 ? 0 : (~0 << (32 - prefix)) >>> 0;
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}
