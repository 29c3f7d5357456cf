/** Many layers, and writable ones that are thrown away. Kernels that take layers in one option only: docs/conformance-cgroup2.md. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openedForAll } from "../support/opened.ts";
import { openLab } from "./lab.ts";

const lab = openedForAll(openLab);

function folders(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => {
    const folder = join(lab.folder, "many", String(index));
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `file-${index}`), "");
    writeFileSync(join(folder, "shared"), String(index));
    return folder;
  });
}

test("500 layers are one root, the topmost first; one more is refused by what it is", async () => {
  const lowers = [...folders(499), lab.rootfs];
  const { stdout } = await lab.shell("ls -d /file-* | wc -l; cat /shared; echo; echo new > /written; cat /written", { lowers });
  expect(stdout).toBe("499\n0\nnew\n");
  const one = join(lab.folder, "one-more");
  mkdirSync(one);
  await expect(lab.run(["true"], { lowers: [one, ...lowers] })).rejects.toThrow(/lowerdir\+.*invalid argument|lowerdir\+.*EINVAL/i);
});

test.each([
  { name: "a throw-away container's writes are never synced", volatile: true },
  { name: "another's are", volatile: false },
])("$name", async ({ volatile }) => {
  const layers = { ...lab.layers(), volatile };
  let text = "";
  const { id, spec } = lab.request([
    "sh",
    "-c",
    "grep ' / overlay ' /proc/mounts; dd if=/dev/zero of=/file bs=4k count=1 conv=fsync 2>/dev/null && echo written",
  ]);
  await lab.processes.runOnce({ id, spec, layers }, { onOutput: (_, data) => void (text += Buffer.from(data).toString()) });
  expect([/[,=]volatile/.test(text), text.endsWith("written\n")]).toEqual([volatile, true]);
  // The kernel's own mark: it does not mount again what may have lost its last writes.
  expect(existsSync(join(layers.work, "work/incompat/volatile"))).toBe(volatile);
});
