/** strata-runtime under an ordinary user's podman. */
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Outcome } from "../support/cli.ts";
import { addUser, type TestUser } from "../support/user.ts";

let user: TestUser;
let rootfs: string;
let runtime: string;
beforeAll(async () => {
  user = addUser();
  rootfs = join(user.home, "rootfs");
  runtime = join(user.home, "strata-runtime");
  writeFileSync(runtime, `#!/bin/sh\nexec ${join(user.folder, "node")} ${join(user.folder, "program/bin/strata-runtime.js")} "$@"\n`);
  chmodSync(runtime, 0o755);
  await user.strata("base", "create", "local/box", "--bin", "sh,cat,id,ls,sleep,true,tty,hostname,stat,touch");
  await user.strata("create", "--name", "source", "--network", "none", "local/box", "true");
  await user.strata("export", "-o", join(user.home, "rootfs.tar"), "source");
  await user.strata("rm", "source");
  await user.run(["sh", "-c", `mkdir ${rootfs} && tar -xf ${rootfs}.tar -C ${rootfs}`]);
}, 300_000);
afterAll(async () => {
  try {
    await podman("rm", "-f", "-t", "0", "-a");
    await podman("system", "reset", "-f");
  } finally {
    user[Symbol.dispose]();
  }
}, 180_000);

async function podman(...args: readonly string[]): Promise<Outcome> {
  return await user.run(["podman", "--runtime", runtime, "--cgroup-manager", "cgroupfs", "--storage-driver", "vfs", "--events-backend", "file", ...args]);
}

const container = (...flags: readonly string[]): readonly string[] => [...flags, "--rootfs", rootfs];
const run = async (script: string, ...flags: readonly string[]): Promise<Outcome> =>
  await podman("run", "--rm", ...container("--network", "none", ...flags), "sh", "-c", script);

describe("podman run", { timeout: 300_000 }, () => {
  test("the user's own ids, names, mounts, a terminal, an exit code", async () => {
    const { uid, home } = user;
    expect(await run("id -u; while read -r inside outside size; do echo $outside; done < /proc/self/uid_map")).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(new RegExp(`^0\n${uid}\n\\d+\n$`)) as string,
    });
    const mounts = ["--tmpfs", "/scratch:mode=0711", "-v", `${home}:/bound:ro`];
    const seen = await run("hostname; id -u; id -g; stat -c %a /scratch; touch /bound/x; ls -d /bound/rootfs", "--hostname", "box", "-u", "5:6", ...mounts);
    expect(seen.stdout).toBe("box\n5\n6\n711\n/bound/rootfs\n");
    expect(await run("tty; exit 9", "-t")).toMatchObject({ status: 9, stdout: "/dev/pts/0\r\n" });
    expect(await podman("run", "--rm", ...container("--network", "none"), "nowhere")).toMatchObject({ status: 127 });
  });

  test("a network of slirp4netns", async () => {
    expect(await podman("run", "--rm", ...container("--network", "slirp4netns"), "ls", "/sys/class/net")).toMatchObject({ status: 0, stdout: "lo\ntap0\n" });
  });
});

test("a container in the background is entered, stopped, started, killed and removed", { timeout: 300_000 }, async () => {
  const script = "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.05; done";
  expect(await podman("run", "-d", "--name", "whole", ...container("--network", "none"), "sh", "-c", script)).toMatchObject({ status: 0 });
  await expect.poll(async () => (await podman("logs", "whole")).stdout).toBe("up\n");
  expect(await podman("exec", "-e", "A=b", "-w", "/tmp", "whole", "sh", "-c", "echo $A $PWD; exit 4")).toMatchObject({ status: 4, stdout: "b /tmp\n" });
  expect((await podman("exec", "-t", "whole", "tty")).stdout).toBe("/dev/pts/0\r\n");
  expect(await podman("stop", "-t", "20", "whole")).toMatchObject({ status: 0 });
  expect((await podman("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "whole")).stdout).toBe("exited 3\n");
  expect(await podman("start", "whole")).toMatchObject({ status: 0 });
  expect(await podman("kill", "whole")).toMatchObject({ status: 0 });
  await expect.poll(async () => (await podman("inspect", "-f", "{{.State.ExitCode}}", "whole")).stdout, { timeout: 60_000 }).toBe("137\n");
  expect(await podman("rm", "whole")).toMatchObject({ status: 0 });
});
