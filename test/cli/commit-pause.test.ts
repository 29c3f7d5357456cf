/** commit lets nothing of the container run meanwhile, unless it is told to. */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { strata } from "../support/root.ts";

let box: Box;
beforeAll(async () => (box = await openBox("sh sleep head")));
afterAll(async () => await box[Symbol.asyncDispose]());

const isV1 = existsSync("/sys/fs/cgroup/freezer");

/** Of the group whose path the kernel tells. */
function isFrozen(pid: string): boolean {
  const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").split("\n");
  const path = lines.find((line) => line.includes(isV1 ? ":freezer:" : "0::"))?.split(":")[2];
  return isV1
    ? readFileSync(`/sys/fs/cgroup/freezer${path}/freezer.state`, "utf8") !== "THAWED\n"
    : readFileSync(`/sys/fs/cgroup${path}/cgroup.freeze`, "utf8") === "1\n";
}

test.each([
  { flags: [], frozen: true },
  { flags: ["--pause"], frozen: true },
  { flags: ["-p"], frozen: true },
  { flags: ["--pause=false"], frozen: false },
])("with '$flags' the container is seen frozen: $frozen; afterwards it runs", async ({ flags, frozen }) => {
  const script = "head -c 200000000 /dev/urandom > /large; echo ready; exec sleep 600";
  const id = await box.strata("run", "-d", "--network", "none", BOX_IMAGE, "sh", "-c", script);
  await expect.poll(async () => await box.strata("logs", id), { timeout: 60_000 }).toBe("ready");
  const pid = await box.strata("inspect", "-f", "{{.State.Pid}}", id);
  const committing = new Promise<number>((resolve) => {
    const child = execFile(process.execPath, [strata, "commit", "--change", "ENV BY=commit", ...flags, id, "local/paused"], { env: box.root.env });
    child.once("exit", (status) => resolve(status ?? 255));
  });
  let status: number | undefined;
  void committing.then((ended) => (status = ended));
  let seen = false;
  while (status === undefined) {
    seen ||= isFrozen(pid);
    await sleep(1);
  }
  expect([status, seen, isFrozen(pid)]).toEqual([0, frozen, false]);
  expect(await box.strata("image", "inspect", "-f", "{{.Config.Env}}", "local/paused")).toContain("BY=commit");
  await box.strata("rm", "-f", id);
});
