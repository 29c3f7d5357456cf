/**
 * What happened in a root: one JSON line an event, appended by whoever did it. A file that is full is followed by a new one,
 * made by exactly one of those who see it full, and only the newest are kept. Spec: Docker Engine API, "Monitor events".
 */
import { wallClockMs } from "../../system/clock.ts";
import { appendFileSync, closeSync, mkdirSync, openSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

export interface StoreEvent {
  readonly Type: "container" | "image" | "network" | "volume";
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  /** Seconds since the epoch. */
  readonly time: number;
  readonly timeNano: number;
}

const MAX_BYTES = 256 * 1024;
const KEPT_FILES = 4;
const NAME = /^\d{8}\.log$/;

export function eventsFolder(root: string): string {
  return join(root, "events");
}

/** Oldest first. */
export function eventFiles(root: string): readonly string[] {
  try {
    return readdirSync(eventsFolder(root))
      .filter((name) => NAME.test(name))
      .sort();
  } catch {
    return [];
  }
}

/** Never fails: a full disk must not keep a container from ending. */
export function tellEvent(root: string, type: StoreEvent["Type"], action: string, id: string, attributes: Readonly<Record<string, string>>): void {
  const now = wallClockMs();
  const event: StoreEvent = {
    Type: type,
    Action: action,
    Actor: { ID: id, Attributes: attributes },
    time: Math.floor(now / 1000),
    timeNano: Math.round(now * 1000) * 1000,
  };
  try {
    appendFileSync(join(eventsFolder(root), currentFile(root)), `${JSON.stringify(event)}\n`, { mode: 0o600 });
  } catch {
    /* not told */
  }
}

function currentFile(root: string): string {
  const files = eventFiles(root);
  const last = files.at(-1);
  if (last === undefined) {
    makeFolder(eventsFolder(root));
    return fileName(1);
  }
  const path = join(eventsFolder(root), last);
  if (statSync(path).size < MAX_BYTES) return last;
  const next = fileName(Number.parseInt(last, 10) + 1);
  try {
    closeSync(openSync(join(eventsFolder(root), next), "wx", 0o600));
    for (const old of files.slice(0, 1 - KEPT_FILES)) rmSync(join(eventsFolder(root), old), { force: true });
  } catch {
    /* another process was first */
  }
  return next;
}

/** Not the root itself: who removes it is not to find it again. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o711 });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
}

function fileName(number: number): string {
  return `${String(number).padStart(8, "0")}.log`;
}
