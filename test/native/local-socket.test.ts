/** Local sockets of the addon: a side that never stops sending, a descriptor that cannot be watched; locks of a root that are no files of ours. */
import { closeSync, fstatSync, openSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { useMount } from "../../builder/cache/mount-lock.ts";
import { addon } from "../../system/addon.ts";
import { openSocket } from "../../system/local-socket.ts";
import { socketPair } from "../../system/program.ts";
import { temporaryFolder, treeTool } from "../support/root.ts";

test("a side that sends without end leaves others their turn", async () => {
  const [ours, theirs] = socketPair();
  const piece = Buffer.alloc(1 << 10);
  let [reads, others] = [0, 0];
  await new Promise<void>((resolve) => {
    const socket = openSocket(ours, {
      data: () => {
        if (reads === 0) setImmediate(() => others++);
        reads++;
        if (reads < 1000 && others === 0) addon().send(theirs, piece, 0); // as fast as it is read
        else socket.destroy();
      },
      close: () => resolve(),
    });
    addon().send(theirs, piece, 0);
  });
  closeSync(theirs);
  expect([others, reads < 100]).toEqual([1, true]);
});

test("a descriptor that cannot be watched is closed", () => {
  const folder = temporaryFolder();
  const fd = openSync(join(folder, "file"), "w+"); // epoll takes no ordinary file
  expect(() => openSocket(fd, { data: () => {}, close: () => {} })).toThrow(/cannot be watched/);
  expect(() => fstatSync(fd)).toThrow(/EBADF/);
  rmSync(folder, { recursive: true });
});

test("a link in a lock's place is named, not followed", async () => {
  const folder = temporaryFolder();
  const [kept, mount] = [join(folder, "kept"), join(folder, "mount")];
  const options = { treeTool, signal: AbortSignal.timeout(120_000), onWait: () => {} };
  symlinkSync(kept, `${mount}.lock`);
  await expect(useMount(mount, "locked", options)).rejects.toThrow(/mount\.lock: it is a symbolic link, not a file/);
  expect(readdirSync(folder)).not.toContain("kept");
  rmSync(folder, { recursive: true });
});
