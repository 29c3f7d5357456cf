/** The journal read back: what is in it, and with `follow` what comes, as the kernel tells of growth. */
import { watch } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { makeFolders } from "../make-folders.ts";
import { eventFiles, eventsFolder, type StoreEvent } from "./journal.ts";

export interface ReadEvents {
  /** Ends with it. */
  readonly signal?: AbortSignal;
  /** Goes on after what is there. */
  readonly follow: boolean;
  /** Leaves out what is there already. */
  readonly onlyNew: boolean;
}

/** A line that a crash cut short is left out. */
export async function* readEvents(root: string, { signal, follow, onlyNew }: ReadEvents): AsyncIterable<StoreEvent> {
  const offsets = new Map<string, number>();
  if (follow) makeFolders(eventsFolder(root), 0o711);
  using changes = follow ? changesIn(eventsFolder(root)) : undefined;
  const first = await unread(root, offsets);
  if (!onlyNew) yield* first;
  while (changes !== undefined && signal?.aborted !== true) {
    await changes.next(signal);
    yield* await unread(root, offsets);
  }
}

/** Whole lines beyond the offsets, which move. */
async function unread(root: string, offsets: Map<string, number>): Promise<readonly StoreEvent[]> {
  const events: StoreEvent[] = [];
  for (const name of eventFiles(root)) {
    const text = await readFrom(join(eventsFolder(root), name), offsets.get(name) ?? 0);
    const whole = text.subarray(0, text.lastIndexOf(0x0a) + 1);
    offsets.set(name, (offsets.get(name) ?? 0) + whole.length);
    events.push(...whole.toString().split("\n").flatMap(parse));
  }
  return events;
}

async function readFrom(path: string, offset: number): Promise<Buffer> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) return Buffer.alloc(0); /* the oldest was removed meanwhile */
  try {
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.max(0, size - offset));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

function parse(line: string): readonly StoreEvent[] {
  try {
    return [JSON.parse(line) as StoreEvent];
  } catch {
    return [];
  }
}

interface Changes extends Disposable {
  /** Resolves when something changed since the last call, or was aborted. */
  next(signal: AbortSignal | undefined): Promise<void>;
}

function changesIn(folder: string): Changes {
  let pending = false;
  let wake: (() => void) | undefined;
  const watcher = watch(folder, () => {
    pending = true;
    wake?.();
  });
  return {
    async next(signal): Promise<void> {
      if (!pending && signal?.aborted !== true) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          signal?.addEventListener("abort", () => resolve(), { once: true });
        });
      }
      pending = false;
    },
    [Symbol.dispose](): void {
      watcher.close();
    },
  };
}
