import { text } from "node:stream/consumers";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { LineQueue } from "../../orchestrator/api/watch/line-queue.ts";
import { WatchLines } from "../../orchestrator/api/watch/watch-lines.ts";

const line = (content: string): { readonly text: string } => ({ text: content });

const rows = [
  { name: "so many lines", lines: ["1", "2", "3", "4"], read: "b1234" },
  { name: "so much text", lines: ["x".repeat(60), "y".repeat(60), "z"], read: `b${"x".repeat(60)}${"y".repeat(60)}` },
] as const;
test.each(rows)("a reader that is behind by $name is cut off, and gets what was there till then", async ({ lines, read }) => {
  const queue = new LineQueue({ lines: 3, characters: 100 });
  let ended = 0;
  queue.onEnd(() => ended++);
  queue.begin(line("b"));
  for (const content of lines) queue.push(line(content));
  expect([await text(Readable.from(queue)), ended]).toEqual([read, 1]);
});

test("a reader is not cut off for what it begins with, nor while it keeps up", async () => {
  const queue = new LineQueue({ lines: 2, characters: 10 });
  for (let at = 0; at < 100; at++) queue.begin(line("begin"));
  const reader = queue[Symbol.asyncIterator]();
  expect((await reader.next()).value).toBe("begin".repeat(100));
  for (let at = 0; at < 100; at++) {
    queue.push(line("12345"));
    expect((await reader.next()).value).toBe("12345");
  }
  queue.end();
  expect((await reader.next()).done).toBe(true);
});

test("long lines go one by one, and count until they are taken", async () => {
  const queue = new LineQueue({ lines: 10, characters: 300_000 });
  queue.begin(line("b".repeat(100_000)));
  for (const letter of ["1", "2", "3"]) queue.push(line(letter.repeat(100_000)));
  const reader = queue[Symbol.asyncIterator]();
  const next = async (): Promise<string> => String((await reader.next()).value).slice(0, 1);
  expect([await next(), await next()]).toEqual(["b", "1"]);
  queue.push(line("4".repeat(100_000)));
  expect([await next(), await next(), await next()]).toEqual(["2", "3", "4"]);
  queue.push(line("5".repeat(300_001)));
  expect([await next(), (await reader.next()).done]).toEqual(["5", true]);
});

test("a line is made once for each form, and held by those who wait", () => {
  const lines = new WatchLines();
  const object = {};
  let made = 0;
  const make = (): string => String(++made);
  const first = lines.line(object, "a", make);
  expect([lines.line(object, "a", make) === first, first.text, lines.line(object, "b", make).text, lines.line({}, "a", make).text]).toEqual([
    true,
    "1",
    "2",
    "3",
  ]);
});
