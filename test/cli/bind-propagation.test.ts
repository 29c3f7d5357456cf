/** Binds with propagation, and whose files need not outlive a crash: what the kernel says of a container's mounts. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";

let box: Box;
let folder: string;
beforeAll(async () => {
  box = await openBox("sh ls sleep mkdir mount touch");
  folder = mkdtempSync(join(box.root.root, "shared-"));
  execFileSync("mount", ["-t", "tmpfs", "none", folder]);
  execFileSync("mount", ["--make-shared", folder]);
});
afterAll(async () => {
  execFileSync("umount", ["--recursive", folder]);
  rmSync(folder, { recursive: true, force: true });
  await box[Symbol.asyncDispose]();
});

async function sleeper(...flags: readonly string[]): Promise<{ readonly id: string; readonly pid: string }> {
  const id = await box.strata("run", "-d", "--network", "none", ...flags, BOX_IMAGE, "sleep", "600");
  return { id, pid: await box.strata("inspect", "-f", "{{.State.Pid}}", id) };
}

test.each([
  { mode: "rshared", seen: "file" },
  { mode: "rslave", seen: "file" },
  { mode: "rprivate", seen: "" },
])("what the machine mounts later is there with $mode: '$seen'", async ({ mode, seen }) => {
  const { id } = await sleeper("-v", `${folder}:/bound:${mode}`);
  const later = join(folder, mode);
  mkdirSync(later);
  execFileSync("mount", ["-t", "tmpfs", "none", later]);
  writeFileSync(join(later, "file"), "");
  expect(await box.strata("exec", id, "ls", `/bound/${mode}`)).toBe(seen);
  await box.strata("rm", "-f", id);
});

test.each([
  { mode: "rshared", there: true },
  { mode: "rslave", there: false },
])("what the container mounts is there on the machine with $mode: $there", async ({ mode, there }) => {
  const { id } = await sleeper("--privileged", "-v", `${folder}:/bound:${mode}`);
  const name = `out-${mode}`;
  await box.strata("exec", id, "sh", "-c", `mkdir /bound/${name} && mount -t tmpfs none /bound/${name} && touch /bound/${name}/file`);
  expect(existsSync(join(folder, name, "file"))).toBe(there);
  expect(await box.strata("inspect", "-f", "{{range .Mounts}}{{.Propagation}}{{end}}", id)).toBe(mode);
  await box.strata("rm", "-f", id);
});

test("the root of a throw-away container is not synced, that of others is", async () => {
  const rootOf = (pid: string): string | undefined =>
    readFileSync(`/proc/${pid}/mountinfo`, "utf8")
      .split("\n")
      .find((line) => line.split(" ")[4] === "/" && line.includes(" - overlay "));
  const [brief, kept] = [await sleeper("--rm"), await sleeper()];
  expect(rootOf(brief.pid)).toMatch(/[,=]volatile\b/);
  expect(rootOf(kept.pid)).not.toMatch(/[,=]volatile\b/);
  await box.strata("rm", "-f", brief.id, kept.id);
});
