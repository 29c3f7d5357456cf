/**
 * All records in one file beside the database, for commands that only read: loading lmdb takes longer than all else that they do.
 * It holds what one transaction left, and is good for as long as that is the database's last one.
 */
import { closeSync, constants, lstatSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openOwnFile } from "../own-file.ts";
import { lastState, usedBytes } from "./meta.ts";

/** Past this many bytes parsing it would take longer than loading lmdb. */
const MAX_BYTES = 1 << 19;
/** A database of more bytes is not read through to find that out: it keeps about three times what is in it. */
const MAX_DATABASE_BYTES = 4 * MAX_BYTES;

export type Entry = readonly [key: string, value: unknown];

/** One state of the database, see `lastState`: a copy of all files of a root has it too. */
export type State = string;

/** In the database's order. */
export interface Snapshot {
  readonly state: State;
  readonly records: ReadonlyMap<string, unknown>;
}

/** Undefined for a database that is not there, or that another lmdb made: then nothing is known without opening it. */
export function stateOf(folder: string): State | undefined {
  try {
    const fd = openOwnFile(join(folder, "data.mdb"), constants.O_RDONLY);
    try {
      return lastState(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

/** Undefined when there is none that can be read; whether it is still good is for the caller to ask, with `stateOf`. */
export function loadSnapshot(folder: string): Snapshot | undefined {
  try {
    const fd = openOwnFile(fileIn(folder), constants.O_RDONLY);
    try {
      const { state, records } = JSON.parse(readFileSync(fd, "utf8")) as { state: State; records: readonly Entry[] };
      return { state, records: new Map(records) };
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined; // absent, or torn by a loss of power
  }
}

/** `entries` are what the last transaction left; nobody may write or save meanwhile. Leaves none where it would be too large or cannot be written. */
export function saveSnapshot(folder: string, entries: () => Iterable<Entry>): void {
  const [file, fresh] = [fileIn(folder), join(folder, "snapshot.new")];
  try {
    const state = sizeOf(folder) > MAX_DATABASE_BYTES ? undefined : stateOf(folder);
    const text = state === undefined ? undefined : JSON.stringify({ state, records: [...entries()] });
    if (text === undefined || text.length > MAX_BYTES) return rmSync(file, { force: true });
    rmSync(fresh, { force: true }); // of somebody who was killed
    writeFileSync(fresh, text, { mode: 0o600, flag: "wx" });
    renameSync(fresh, file);
  } catch {
    if (lstatSync(fresh, { throwIfNoEntry: false })?.isFile() === true) rmSync(fresh); // a full disk: it only saves time
  }
}

function sizeOf(folder: string): number {
  const fd = openSync(join(folder, "data.mdb"), "r");
  try {
    return usedBytes(fd);
  } finally {
    closeSync(fd);
  }
}

function fileIn(folder: string): string {
  return join(folder, "snapshot.json");
}
