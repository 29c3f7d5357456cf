/**
 * Who this registry is: an id that anyone may see, and a secret that only processes with access to the root can read.
 * Whoever proves to know the secret has the store's content already, so a mount for it moves no bytes.
 */
import { createHmac, randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import type { Storage } from "./storage.ts";

export interface Identity {
  readonly id: string;
  /** Hex. */
  readonly secret: string;
}

/** The reply header of `/v2/` that carries the id. */
export const STORE_HEADER = "strata-store";
/** The request header of a mount that carries the proof. */
export const PROOF_HEADER = "strata-proof";

/** Made when it is first asked for; the same for every process on the root. */
export async function openIdentity(storage: Pick<Storage, "table">): Promise<Identity> {
  const table = storage.table<Identity>("registry.identity");
  const known = await table.get("self");
  if (known !== undefined) return known;
  const fresh = { id: randomUUID(), secret: randomBytes(32).toString("hex") };
  return (await table.update("self", (current) => current ?? fresh)) ?? fresh;
}

export function prove({ secret }: Identity, purpose: "mount" | "upload", text: string): string {
  return createHmac("sha256", Buffer.from(secret, "hex")).update(`${purpose}\n${text}`).digest("hex").slice(0, 32);
}

export function isProof(identity: Identity, purpose: "mount" | "upload", text: string, proof: string): boolean {
  const expected = prove(identity, purpose, text);
  return proof.length === expected.length && timingSafeEqual(Buffer.from(proof), Buffer.from(expected));
}
