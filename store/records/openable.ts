/**
 * Whether lmdb can open a database. When it cannot, lmdb-js frees the same memory twice, and the process is gone; so what it would find
 * is looked at first, with the gate held. Source: lmdb-js 3.5, env.cpp, `EnvWrap::openEnv`; mdb.c, `mdb_env_read_header`.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "../errors.ts";
import { openOwnFileIfThere } from "../own-file.ts";
import { damageOfMeta } from "./meta.ts";

/** Those of lock.mdb, of data.mdb and of its meta pages, and one to spare. */
const DESCRIPTORS = 4;

/** `mapBytes` of address space will be asked for. @throws {StoreError} `RECORDS_FAILED`; EMFILE */
export function assertOpenable(folder: string, mapBytes: number): void {
  refuseDamaged(join(folder, "data.mdb"));
  refuseWithoutDescriptors(folder);
  refuseNarrowSpace(folder, mapBytes);
}

/** One that is absent or empty is new. */
function refuseDamaged(path: string): void {
  const fd = openOwnFileIfThere(path);
  if (fd === undefined) return;
  try {
    const damage = fstatSync(fd).size === 0 ? undefined : damageOfMeta(fd);
    if (damage === undefined) return;
    const hint = "Put back a copy of its folder; or move the folder away while no command runs on this root, which then begins without records";
    throw new StoreError("RECORDS_FAILED", `Cannot open ${path}: ${damage}`, { hint });
  } finally {
    closeSync(fd);
  }
}

function refuseWithoutDescriptors(folder: string): void {
  const opened: number[] = [];
  try {
    while (opened.length < DESCRIPTORS) opened.push(openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY));
  } finally {
    opened.forEach((fd) => closeSync(fd));
  }
}

function refuseNarrowSpace(folder: string, mapBytes: number): void {
  const limit = Number(/^Max address space\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? Number.POSITIVE_INFINITY);
  if (limit === Number.POSITIVE_INFINITY) return;
  const used = Number(/^VmSize:\s+(\d+) kB/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? 0) * 1024;
  if (used + mapBytes <= limit) return;
  throw new StoreError(
    "RECORDS_FAILED",
    `Cannot open ${folder}: its database takes ${mapBytes} bytes of address space, and this process may have ${limit} in all`,
    {
      hint: "Raise the limit (ulimit -v)",
    },
  );
}
