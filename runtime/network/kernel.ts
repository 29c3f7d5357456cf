/** The kernel's side of networks: one call of strata-network for links, one nft call for the table. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { runCommand } from "../engine/command.ts";
import type { Lock } from "../engine/lock.ts";
import type { Subnet } from "./address.ts";

export interface Kernel {
  /** Operations of `strata-network`, in order; all idempotent. Whoever is killed does not let go of the locks in `under` before they are done. */
  apply(operations: readonly string[], under?: readonly Lock[]): Promise<void>;
  /** One transaction of rules; `optional` ones are left out where the machine has no nft. */
  rules(text: string, options?: { readonly optional?: boolean; readonly under?: readonly Lock[] }): Promise<void>;
}

export function openKernel(program: string): Kernel {
  return {
    async apply(operations: readonly string[], under?: readonly Lock[]): Promise<void> {
      if (operations.length > 0)
        await runCommand(program, ["child-of", `${process.pid}`, ...operations], { what: "set up the network", code: "NETWORK_FAILED", under });
    },
    async rules(text, { optional = false, under } = {}): Promise<void> {
      if (optional && !hasNft()) return;
      await runCommand("nft", ["-f", "-"], {
        input: text,
        what: "set up address translation",
        code: "NETWORK_FAILED",
        under,
        hint: "Bridge networks need nftables: apt-get install nftables, or use --network host",
      });
    },
  };
}

export function hasNft(): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, "nft")));
}

/** One name a link of this network namespace (and two more), where /sys shows the links of the namespace that it was mounted in. */
const LINKS = "/proc/sys/net/ipv4/conf";

export function linkExists(name: string): boolean {
  return existsSync(join(LINKS, name));
}

export function linkNames(): readonly string[] {
  return readdirSync(LINKS);
}

/** Subnets that this machine routes somewhere (its addresses among them), but for those of the link `except`. */
export function presentSubnets(except?: string): readonly Subnet[] {
  return parseRoutes(readFileSync("/proc/net/route", "latin1"), except);
}

/** Rows are `link destination gateway flags refcnt use metric mask …`, numbers in hex of little-endian words. Default routes are left out. */
export function parseRoutes(text: string, except?: string): readonly Subnet[] {
  return text
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns.length >= 8 && columns[0] !== except)
    .map((columns) => ({ base: littleEndian(columns[1] ?? "0"), prefix: bitCount(littleEndian(columns[7] ?? "0")) }))
    .filter((subnet) => subnet.prefix > 0);
}

/** Addresses that are this machine's own, also those of links without carrier. */
export function localAddresses(text = readFileSync("/proc/net/fib_trie", "latin1")): readonly string[] {
  return [...new Set([...text.matchAll(/\|-- ([\d.]+)\n\s+\/32 host LOCAL/g)].map(([, address = ""]) => address))];
}

function littleEndian(hex: string): number {
  return Buffer.from(hex.padStart(8, "0"), "hex").readUInt32LE();
}

function bitCount(mask: number): number {
  return mask.toString(2).replaceAll("0", "").length;
}
