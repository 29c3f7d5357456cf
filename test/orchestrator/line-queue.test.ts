import { text } from "node:stream/consumers";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { LineQueue } from "../../orchestrator/api/line-queue.ts";

const rows = [
  { name: "so many lines", lines: ["1", "2", "3", "4"], read: "b1234" },
  { name: "so much text", lines: ["x".repeat(60), "y".repeat(60), "z"], read: `b${"x".repeat(60)}${"y".repeat(60)}` },
] as const;
test.each(rows)("a reader that is behind by $name is cut off, and gets what was there till then", async ({ lines, read }) => {
  const queue = new LineQueue({ lines: 3, characters: 100 });
  let ended = 0;
  queue.onEnd(() => ended++);
  queue.begin("b");
  for (const line of lines) queue.push(line);
  expect([await text(Readable.from(queue)), ended]).toEqual([read, 1]);
});

test("a reader is not cut off for what it begins with, nor while it keeps up", async () => {
  const queue = new LineQueue({ lines: 2, characters: 10 });
  for (let at = 0; at < 100; at++) queue.begin("begin");
  const reader = queue[Symbol.asyncIterator]();
  expect((await reader.next()).value).toBe("begin".repeat(100));
  for (let at = 0; at < 100; at++) {
    queue.push("12345");
    expect((await reader.next()).value).toBe("12345");
  }
  queue.end();
  expect((await reader.next()).done).toBe(true);
});
