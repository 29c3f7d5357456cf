/** Programs of the addon, where the event loop has no room for one more. */
import { readdirSync, readlinkSync } from "node:fs";
import { afterEach, expect, test, vi } from "vitest";
import { addon } from "../../system/addon.ts";
import { startHelper } from "../../runtime/process/launch.ts";
import { startProgram } from "../../system/program.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

function opened(kind: RegExp): number {
  const links = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ""; // of the listing itself
    }
  });
  return links.filter((link) => kind.test(link)).length;
}

function refuseWatches(): void {
  vi.spyOn(addon(), "watch").mockImplementation(() => {
    throw new Error("this descriptor cannot be watched");
  });
}

test("a program whose end cannot be watched is looked for, and no descriptor stays", async () => {
  const before = opened(/pidfd/);
  refuseWatches();
  const { ended } = startProgram("sh", ["-c", "exit 7"], { files: [undefined, undefined, undefined] });
  expect(await ended).toEqual({ status: 7 });
  expect(opened(/pidfd/)).toBe(before);
});

test("a helper whose socket cannot be watched leaves no descriptor", () => {
  const before = opened(/^socket:/);
  refuseWatches();
  expect(() => startHelper("/nowhere", { inherit: false, detached: false })).toThrow(/cannot be watched/);
  expect(opened(/^socket:/)).toBe(before);
});
