/** Compiled profiles, kept beside the containers' state: one command's work is the next one's file. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomHex, sha256Hex } from "../../../system/digest.ts";
import type { SeccompSpec } from "../../spec.ts";

/** As the helper takes it. */
export interface SeccompProgram {
  readonly bytes: Uint8Array;
  readonly flags: number;
}

/** Raise it when the compiler makes other programs from the same profile. */
const COMPILER = 2;

/** @throws {RuntimeError} `SPEC_INVALID`, `UNSUPPORTED` */
export async function seccompProgram(runRoot: string, profile: SeccompSpec | undefined): Promise<SeccompProgram | undefined> {
  if (profile === undefined) return undefined;
  const name = sha256Hex(`${COMPILER} ${process.arch} ${JSON.stringify(profile)}`);
  const folder = join(runRoot, "seccomp");
  const path = join(folder, name);
  const kept = readProgram(path);
  if (kept !== undefined) return kept;
  const { compileSeccomp } = await import("./compile.ts");
  const [bytes, flags] = compileSeccomp(profile);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const beside = `${path}.${randomHex(4)}`;
  writeFileSync(beside, Buffer.concat([Buffer.from([flags]), bytes]), { mode: 0o600 });
  renameSync(beside, path);
  return { bytes, flags };
}

function readProgram(path: string): SeccompProgram | undefined {
  try {
    const text = readFileSync(path);
    return { bytes: text.subarray(1), flags: text.readUInt8(0) };
  } catch {
    return undefined; // not compiled yet
  }
}
