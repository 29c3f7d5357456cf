/** Real containers: what the program sees, what limits hold, what is left. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { folder, textFile } from "../support/image.ts";
import { type Lab, openLab } from "./engine-lab.ts";

let lab: Lab;
beforeAll(async () => {
  lab = await openLab({
    config: { Env: ["PATH=/bin", "FROM_IMAGE=yes"], WorkingDir: "/work", Cmd: ["/bin/sh"], Volumes: {}, Labels: { of: "image" } },
    files: [folder("data", 0o750, { uid: 1000, gid: 50 }), textFile("data/seed", "seed\n", 0o640)],
  });
});
afterAll(async () => await lab[Symbol.asyncDispose]());

const sh = (script: string): readonly string[] => ["/bin/sh", "-c", script];

describe("what the program sees", () => {
  const rows = [
    { name: "is pid 1 and alone", script: "ps -o pid,comm", stdout: /^\s+PID COMMAND\n\s+1 sh\n\s+\d+ ps\n$/ },
    {
      name: "has the image's and its own environment",
      script: "env | sort",
      options: { env: ["MINE=1", "FROM_IMAGE=no"] },
      stdout: /FROM_IMAGE=no\n[\s\S]*HOME=\/root\nHOSTNAME=[0-9a-f]{12}\nMINE=1\n/,
    },
    { name: "stands in the working folder, made for it", script: "pwd", stdout: /^\/work\n$/ },
    {
      name: "runs as the user of the image's passwd with its groups",
      script: "id; echo $HOME",
      options: { user: "alice" },
      stdout: /^uid=1000\(alice\) gid=1000\(alice\) groups=1000\(alice\),50\(staff\)\n\/home\/alice\n$/,
    },
    { name: "runs as a bare uid and gid", script: "id -u; id -g", options: { user: "7:8" }, stdout: /^7\n8\n$/ },
    { name: "has the host name it was given", script: "hostname; cat /etc/hostname", options: { hostname: "box" }, stdout: /^box\nbox\n$/ },
    {
      name: "sees hosts of its own, not the image's",
      script: "cat /etc/hosts",
      options: { extraHosts: ["db:10.1.2.3"] },
      stdout: /^127\.0\.0\.1\tlocalhost\n(?:(?!of-the-image)[\s\S])*10\.1\.2\.3\tdb\n/,
    },
    { name: "may write to its root unless it is read-only", script: "echo x > /new && echo ok", stdout: /^ok\n$/ },
    { name: "may not write to a read-only root", script: "echo x > /new || echo refused", options: { readOnly: true }, stdout: /^refused\n$/ },
    {
      name: "has a /dev/shm of the size asked",
      script: "cat /proc/mounts | while read a b c d e; do case $b in /dev/shm) echo $d;; esac; done",
      options: { shmSize: 1 << 20 },
      stdout: /size=1024k/,
    },
  ];
  test.each(rows)("$name", async ({ script, options, stdout }) => {
    const done = await lab.run(sh(script), { autoRemove: true, ...options });
    expect(done.stdout).toMatch(stdout);
  });
});

describe("an init", () => {
  test("is pid 1, reaps orphans and passes the code on", async () => {
    const script = "(sleep 0.05 &); sleep 2; ps -eo pid,stat,comm; exit 4";
    const done = await lab.run(sh(script), { init: true, autoRemove: true });
    expect(done.stdout).toMatch(/^\s+1 \S+\s+\.strata-init\n/m);
    expect(done.stdout).not.toMatch(/Z/);
    expect(done.exit.exitCode).toBe(4);
  });
  test("passes signals on and tells of the one that killed the program", async () => {
    const { record } = await lab.background(sh("trap 'exit 9' TERM; touch /ready; while :; do sleep 0.05; done"), { init: true });
    await expect.poll(async () => await lab.engine.diff(record.id)).toContainEqual(expect.objectContaining({ path: "/ready" }));
    await lab.engine.stop(record.id, { timeout: 60 });
    expect((await lab.engine.get(record.id)).status.exit?.exitCode).toBe(9);
    await lab.engine.remove(record.id);
    expect((await lab.run(sh("kill -KILL $$"), { init: true, autoRemove: true })).exit.exitCode).toBe(137);
  });
  test("cannot be written from inside", async () => {
    const done = await lab.run(sh("echo x > /dev/.strata-init || echo x > /proc/1/exe || echo refused"), { init: true, autoRemove: true });
    expect(done.stdout).toBe("refused\n");
  });
});

describe("exit", () => {
  test("passes its own code on", async () => {
    expect((await lab.run(sh("exit 7"), { autoRemove: true })).exit.exitCode).toBe(7);
  });
  test.each([
    { name: "a program that is not there", command: ["nothing-such"], code: "COMMAND_NOT_FOUND" },
    { name: "a file that is no program", command: ["/etc/passwd"], code: "COMMAND_NOT_EXECUTABLE" },
  ])("refuses $name", async ({ command, code }) => {
    await expect(lab.run(command, { autoRemove: true })).rejects.toMatchObject({ code });
    for (const { record } of await lab.engine.list()) await lab.engine.remove(record.id, { force: true });
  });
  test("tells of a user that is not there", async () => {
    await expect(lab.run(["true"], { user: "nobody-such" })).rejects.toMatchObject({ code: "USER_UNKNOWN" });
    for (const { record } of await lab.engine.list()) await lab.engine.remove(record.id, { force: true });
  });
});

describe("limits", () => {
  test("a quota of a fifth holds a busy loop at a fifth of a cpu", async () => {
    const { record } = await lab.background(sh("while :; do :; done"), { limits: { cpuQuota: 20_000, cpuPeriod: 100_000 } });
    const used = async (): Promise<number> => (await lab.engine.usage(record.id)).cpuTotal;
    await new Promise((resolve) => setTimeout(resolve, 300));
    const from = performance.now(); // before the first look and after the last one: what these take cannot make it more
    const before = await used();
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const share = ((await used()) - before) / ((performance.now() - from) * 1e6);
    await lab.engine.remove(record.id, { force: true });
    expect(share).toBeGreaterThan(0.02); // others may want the processor too
    expect(share).toBeLessThan(0.27);
  });

  test("memory beyond the limit ends it as out of memory, 137", async () => {
    const done = await lab.run(sh("dd if=/dev/zero of=/dev/null bs=200M count=1"), { limits: { memory: 32 << 20, memorySwap: 32 << 20 } });
    const { status } = await lab.engine.get(done.id);
    expect(status.exit).toMatchObject({ oomKilled: true });
    expect([137, 1]).toContain(done.exit.exitCode);
    await lab.engine.remove(done.id);
  });

  test("the program itself killed for memory gives 137", async () => {
    const done = await lab.run(["dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1"], { limits: { memory: 32 << 20, memorySwap: 32 << 20 } });
    expect(done.exit).toMatchObject({ exitCode: 137, oomKilled: true });
    await lab.engine.remove(done.id);
  });

  test("pids-limit holds the number of processes", async () => {
    const done = await lab.run(sh("sleep 4 & sleep 4 & sleep 4 & sleep 4 & sleep 4 & wait"), { autoRemove: true, limits: { pidsLimit: 3 } });
    expect(done.stderr).toMatch(/fork/i);
  });
});

describe("what stays", () => {
  test("commit keeps what was written and nothing that was mounted", async () => {
    const done = await lab.run(sh("echo new > /new; rm /etc/group; echo x >> /etc/hosts; echo y > /vol/inside; echo z > /dev/shm/z"), {
      mounts: [{ kind: "volume", name: "kept", target: "/vol" }],
    });
    expect((await lab.engine.diff(done.id)).map(({ kind, path }) => `${kind} ${path}`)).toEqual(["C /etc", "D /etc/group", "A /new"]);
    const image = await lab.engine.commit(done.id, {
      name: "strata-test/made:1",
      message: "note",
      author: "me",
      changes: ['CMD ["cat", "/new"]', "ENV A=b C='d e'", "EXPOSE 80", "LABEL x=y"],
    });
    const entries = await lab.store.snapshots.entries(image.chain!);
    expect(entries.map(({ type, path }) => `${type} ${path}`)).toEqual(["directory etc", "whiteout etc/group", "file new", "directory vol"]);
    expect(image.config.config).toMatchObject({
      Cmd: ["cat", "/new"],
      Env: ["PATH=/bin", "FROM_IMAGE=yes", "A=b", "C=d e"],
      ExposedPorts: { "80/tcp": {} },
      Labels: { of: "image", x: "y" },
    });
    expect(image.config.history?.at(-1)).toMatchObject({ comment: "note", author: "me" });
    await lab.engine.remove(done.id);
    const again = await lab.engine.create({ image, network: { kind: "none" } });
    await lab.engine.start(again.record.id, { settle: "caller" });
    await lab.engine.wait(again.record.id);
    const lines: string[] = [];
    for await (const line of lab.engine.logs(again.record.id)) lines.push(Buffer.from(line.text).toString());
    expect(lines).toEqual(["new\n"]);
    await lab.engine.remove(again.record.id);
    await lab.engine.volumes.remove("kept");
  });

  test("a volume is filled from the image once, keeps what is written, and is not removed while used", async () => {
    const mounts = [{ kind: "volume", name: "filled", target: "/data" }] as const;
    const first = await lab.run(sh("cat /data/seed; stat -c '%a %u %g' /data /data/seed; echo more > /data/more"), { mounts });
    expect(first.stdout).toBe("seed\n750 1000 50\n640 0 0\n");
    await expect(lab.engine.volumes.remove("filled")).rejects.toMatchObject({ code: "VOLUME_IN_USE" });
    await lab.engine.remove(first.id, { volumes: true });
    const second = await lab.run(sh("ls /data; cat /data/more"), { mounts, autoRemove: true });
    expect(second.stdout).toBe("more\nseed\nmore\n");
    await lab.engine.volumes.remove("filled");
    expect(await lab.engine.volumes.list()).toEqual([]);
  });

  test("--rm takes everything, anonymous volumes too", async () => {
    await lab.run(["true"], { autoRemove: true, mounts: [{ kind: "volume", target: "/anonymous" }] });
    expect(await lab.engine.list()).toEqual([]);
    expect(await lab.engine.volumes.list()).toEqual([]);
    expect(await lab.leftovers()).toEqual([]);
  });

  test("binds and tmpfs appear where they were asked, read-only when asked", async () => {
    const done = await lab.run(sh("cat /host/passwd | head -1; echo x > /host/x || echo refused; echo t > /scratch/t && cat /scratch/t"), {
      autoRemove: true,
      mounts: [
        { kind: "bind", source: "/etc", target: "/host", readOnly: true },
        { kind: "tmpfs", target: "/scratch", size: 1 << 20 },
      ],
    });
    expect(done.stdout).toBe("root:x:0:0:root:/root:/bin/bash\nrefused\nt\n");
  });
});
