/** Networks that nobody makes with `network create`: those of every machine, and CNI configurations. Their ids are of their names, as podman's. */
import { sha256Hex } from "../../system/digest.ts";

export const FIXED = [
  { name: "host", driver: "host" },
  { name: "none", driver: "null" },
] as const;

/** 64 hexadecimal digits. */
export function idOfName(name: string): string {
  return sha256Hex(name);
}

/** By name, or by an id's beginning as `network ls` shows it. */
export function named<Named extends { readonly name: string }>(networks: readonly Named[], reference: string): Named | undefined {
  return (
    networks.find(({ name }) => name === reference) ??
    (/^[0-9a-f]{12,64}$/.test(reference) ? networks.find(({ name }) => idOfName(name).startsWith(reference)) : undefined)
  );
}
