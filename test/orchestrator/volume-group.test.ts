import { lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { giveToGroup } from "../../orchestrator/kubelet/volumes/volume-group.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync("/dev/shm/strata-test-group-");
  mkdirSync(join(folder, "outside"), { mode: 0o700 });
  mkdirSync(join(folder, "volume/deep"), { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, "volume/deep/file"), "", { mode: 0o600 });
  symlinkSync(join(folder, "outside"), join(folder, "volume/link"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Group and mode. */
function found(path: string): string {
  const { gid, mode } = lstatSync(join(folder, path));
  return `${gid} ${(mode & 0o7777).toString(8)}`;
}

describe("a volume's group", () => {
  test("owns all that is in it and may write there; what links lead to stays as it is", async () => {
    await giveToGroup(join(folder, "volume"), 4321, "Always");
    expect(["volume", "volume/deep", "volume/deep/file", "outside"].map(found)).toEqual(["4321 2770", "4321 2770", "4321 660", "0 700"]);
    expect(lstatSync(join(folder, "volume/link")).gid).toBe(4321);
  });

  test.each([
    { policy: "OnRootMismatch", inside: "0 600" },
    { policy: "Always", inside: "4321 660" },
  ] as const)("with the policy $policy and a top that is right: $inside", async ({ policy, inside }) => {
    await giveToGroup(join(folder, "volume"), 4321, "Always");
    writeFileSync(join(folder, "outside/later"), "", { mode: 0o600 });
    renameSync(join(folder, "outside/later"), join(folder, "volume/deep/later"));
    await giveToGroup(join(folder, "volume"), 4321, policy);
    expect(found("volume/deep/later")).toBe(inside);
  });

  test("takes a volume that is a single file", async () => {
    writeFileSync(join(folder, "single"), "", { mode: 0o600 });
    await giveToGroup(join(folder, "single"), 4321, "OnRootMismatch");
    expect(statSync(join(folder, "single")).gid).toBe(4321);
  });
});
