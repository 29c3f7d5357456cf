/** The kernel's side of networks: one helper call for links, one nft call for the table. */
import { existsSync, readFileSync } from "node:fs";
import { runCommand } from "../engine/command.ts";
import type { Subnet } from "./address.ts";

export interface Kernel {
  /** Operations of `strata-helper network`, in order; all idempotent. */
  apply(operations: readonly string[]): Promise<void>;
  /** Replaces rules in one transaction. */
  rules(text: string): Promise<void>;
}

export function openKernel(helper: string): Kernel {
  return {
    async apply(operations: readonly string[]): Promise<void> {
      if (operations.length > 0) await runCommand(helper, ["network", ...operations], { what: "set up the network", code: "NETWORK_FAILED" });
    },
    async rules(text: string): Promise<void> {
      await runCommand("nft", ["-f", "-"], {
        input: text,
        what: "set up address translation",
        code: "NETWORK_FAILED",
        hint: "Bridge networks need nftables: apt-get install nftables, or use --network host",
      });
    },
  };
}

export function linkExists(name: string): boolean {
  return existsSync(`/sys/class/net/${name}`);
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

function littleEndian(hex: string): number {
  return Buffer.from(hex.padStart(8, "0"), "hex").readUInt32LE();
}

function bitCount(mask: number): number {
  return mask.toString(2).replaceAll("0", "").length;
}
