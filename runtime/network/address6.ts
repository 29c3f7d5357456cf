/** IPv6 arithmetic for subnets and the addresses in them. Pure. Spec: RFC 4291, RFC 5952. */
import { isIPv6 } from "./ip-version.ts";
import { RuntimeError } from "../errors.ts";

export interface Subnet6 {
  readonly base: bigint;
  readonly prefix: number;
}

const BITS = 128n;
/** An endpoint's offset is four hex digits, as in IPv4. */
const MAX_PREFIX = 112;

/** @throws {RuntimeError} `SPEC_INVALID` */
export function parseSubnet6(text: string): Subnet6 {
  const [address = "", length = ""] = text.split("/");
  const prefix = Number(length);
  if (!isIPv6(address) || !/^\d+$/.test(length) || prefix < 1 || prefix > MAX_PREFIX)
    throw new RuntimeError("SPEC_INVALID", `Cannot use the subnet ${JSON.stringify(text)}: an IPv6 subnet from /1 to /${MAX_PREFIX} is needed`);
  return { base: (parseAddress6(address) >> (BITS - BigInt(prefix))) << (BITS - BigInt(prefix)), prefix };
}

export function formatSubnet6({ base, prefix }: Subnet6): string {
  return `${formatAddress6(base)}/${prefix}`;
}

export function addressAt6({ base }: Subnet6, offset: number): string {
  return formatAddress6(base + BigInt(offset));
}

export function contains6(subnet: Subnet6, address: string): boolean {
  return isIPv6(address) && parseAddress6(address) >> (BITS - BigInt(subnet.prefix)) === subnet.base >> (BITS - BigInt(subnet.prefix));
}

export function overlaps6(one: Subnet6, other: Subnet6): boolean {
  const shift = BITS - BigInt(Math.min(one.prefix, other.prefix));
  return one.base >> shift === other.base >> shift;
}

/** One way to write each address. */
export function normalAddress6(text: string): string {
  return formatAddress6(parseAddress6(text));
}

function parseAddress6(text: string): bigint {
  const plain = text.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [head = "", tail] = plain.split("::");
  const words = (part: string): readonly string[] => (part === "" ? [] : part.split(":"));
  const [first, last] = [words(head), words(tail ?? "")];
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - first.length - last.length }, () => "0");
  return [...first, ...zeros, ...last].reduce((sum, word) => (sum << 16n) + BigInt(`0x${word}`), 0n);
}

/** The longest run of zeros is left out. */
function formatAddress6(value: bigint): string {
  const words = Array.from({ length: 8 }, (_, at) => ((value >> BigInt((7 - at) * 16)) & 0xffffn).toString(16));
  const text = words.join(":");
  const runs = [...text.matchAll(/(?:^|(?<=:))0(?::0)+(?=:|$)/g)].toSorted((one, other) => other[0].length - one[0].length || one.index - other.index);
  const [run] = runs;
  if (run === undefined) return text;
  const before = text.slice(0, run.index).replace(/:$/, "");
  const after = text.slice(run.index + run[0].length).replace(/^:/, "");
  return `${before}::${after}`;
}
