/** Who gets memory for an upload, when, and who gives it up. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Bucket } from "../../registry/s3/bucket.ts";
import { openIngests } from "../../registry/s3/ingests.ts";
import { RoomPool } from "../../registry/s3/room-pool.ts";
import type { Room } from "../../registry/s3/room.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const never = new AbortController().signal;

/** Uploads by name, and what happens to them. A room that is put down stays taken until it is freed. */
function lab(options: { readonly most: number; readonly idleMs?: number; readonly holdMs?: number }) {
  const pool = new RoomPool({ bytes: 16, idleMs: 200, holdMs: 1_000, ...options });
  const rooms: Record<string, Room> = {};
  const events: string[] = [];
  const ask = async (name: string, signal = never): Promise<void> => {
    const putDown = (): void => void events.push(`${name} is put down`);
    const wait = pool.take(putDown, signal).then(
      (room) => {
        rooms[name] = room;
        events.push(`${name} has room`);
      },
      () => void events.push(`${name} leaves`),
    );
    await Promise.race([wait, settled()]);
  };
  const write = (name: string): number | undefined => rooms[name]?.append(Buffer.from("x"));
  const free = async (name: string): Promise<void> => {
    rooms[name]?.free();
    await settled();
  };
  return { events, rooms, ask, write, free };
}

async function settled(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

test("who asks first is served first, and nobody is asked to go while there is room", async () => {
  const { events, ask, write, free } = lab({ most: 2 });
  for (const name of ["a", "b"]) {
    await ask(name);
    write(name);
  }
  await vi.advanceTimersByTimeAsync(5_000);
  expect(events).toEqual(["a has room", "b has room"]);
  await free("a");
  for (const name of ["c", "d", "e"]) await ask(name);
  await free("b");
  await free("c");
  expect(events.filter((event) => event.endsWith("room"))).toEqual(["a has room", "b has room", "c has room", "d has room", "e has room"]);
});

test("one that is not written to is put down soon, one that is written to all the time when its time is over; each once", async () => {
  const { events, ask, write, free } = lab({ most: 2 });
  await ask("quick");
  await ask("still");
  write("still");
  write("quick");
  await ask("c");
  for (let at = 0; at < 9; at++) {
    await vi.advanceTimersByTimeAsync(100);
    write("quick");
    if (at === 3) await ask("d");
  }
  expect(events).toEqual(["quick has room", "still has room", "still is put down"]);
  await vi.advanceTimersByTimeAsync(100);
  expect(events.slice(3)).toEqual(["quick is put down"]);
  await free("still");
  await free("quick");
  await vi.advanceTimersByTimeAsync(5_000);
  expect(events.slice(4)).toEqual(["c has room", "d has room"]);
});

test("only as many are put down as wait: what is on its way back counts, and what was not written to yet", async () => {
  const { events, ask, write, rooms, free } = lab({ most: 3, idleMs: 0, holdMs: 0 });
  for (const name of ["a", "b", "c"]) await ask(name);
  for (const name of ["b", "c", "a"]) write(name);
  rooms["c"]?.keep();
  await ask("d");
  expect(events.slice(3)).toEqual([]);
  await ask("e");
  expect(events.slice(3)).toEqual(["b is put down"]); // the one written to longest ago
  await free("b");
  await ask("f");
  expect(events.slice(4)).toEqual(["d has room"]); // which nobody asks for before it is used
  write("d");
  expect(events.slice(5)).toEqual(["a is put down"]);
});

test("one that gives up waiting leaves the line, before and after", async () => {
  const { events, ask, write, free } = lab({ most: 1 });
  const end = new AbortController();
  await ask("a");
  write("a");
  await ask("b", end.signal);
  await ask("c");
  end.abort();
  await settled();
  await ask("d", end.signal);
  await free("a");
  expect(events).toEqual(["a has room", "b leaves", "d leaves", "c has room"]);
});

test("buffers are used again, and given back when nobody has any", async () => {
  const { ask, write, rooms, free } = lab({ most: 2 });
  const bufferOf = (name: string): ArrayBufferLike | undefined => rooms[name]?.whole().buffer;
  await ask("a");
  await ask("b");
  write("a");
  const first = bufferOf("a");
  await free("a");
  await ask("c");
  write("c");
  expect(bufferOf("c")).toBe(first);
  await free("c");
  await free("b");
  await free("b"); // twice is once
  await ask("d");
  await ask("e");
  expect([bufferOf("d"), bufferOf("e")]).not.toContain(first);
});

test("a room keeps a place in front, and takes what fits behind it", async () => {
  const { ask, rooms } = lab({ most: 1 });
  await ask("a");
  const room = rooms["a"]!;
  room.reserve(4, 10);
  expect([room.append(Buffer.from("abc")), room.isFull, room.append(Buffer.from("defgh")), room.isFull]).toEqual([3, false, 3, true]);
  expect([room.bytes().toString(), room.length, room.whole().length]).toEqual(["abcdef", 6, 10]);
});

/** As far as uploads use one. */
function bucketInMemory(): Bucket {
  const objects = new Map<string, Buffer>();
  const bucket: Partial<Bucket> = {
    put: async (key, body) => void objects.set(key, Buffer.from(body)),
    remove: async (key) => void objects.delete(key),
    async *list(prefix) {
      for (const [key, { length }] of objects) if (key.startsWith(prefix)) yield { key, size: length, etag: "", modifiedAt: 0 };
    },
  };
  return bucket as Bucket;
}

test("bytes that come at the very moment at which their room is put down are not lost", async () => {
  const one = (bytes: number): RoomPool => new RoomPool({ bytes, most: 1, idleMs: 0, holdMs: 0 });
  const ingests = openIngests({ bucket: bucketInMemory(), memory: { small: one(64 << 10), large: one(8 << 20) }, quietMs: 0 });
  await using first = await ingests.create();
  await using second = await ingests.create();
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => (open = resolve));
  const content = async function* (before: number): AsyncGenerator<Buffer> {
    if (before > 0) yield Buffer.alloc(before, 1);
    await gate;
    yield Buffer.alloc(1_000, 2);
  };
  const writing = [first.write(content(1_000)), second.write(content(0))];
  await settled();
  open();
  await Promise.all(writing);
  expect([first.offset, second.offset]).toEqual([2_000, 1_000]);
});
