/** An ordinary user's day with the real commands: containers, builds, volumes and a network, with no right but that to a user namespace. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { idMap, spare } from "../../cli/rootless/id-maps.ts";
import { eventually } from "../support/cluster.ts";
import { addUser, type TestUser } from "../support/user.ts";

const BOX = "local/box";
let user: TestUser;
beforeAll(async () => {
  user = addUser();
  await user.strata("base", "create", BOX, "--bin", "sh,cat,id,ls,stat,sleep,mkdir,rm,chown,touch,readlink,true");
}, 300_000);
afterAll(async () => {
  try {
    await user.removeContainers();
    await eventually(async () => await Promise.resolve(expect(user.processes()).toEqual([])), 45_000); // the namespace's holder looks around every few seconds
  } finally {
    user[Symbol.dispose]();
  }
}, 180_000);

const shell = async (script: string, ...flags: readonly string[]): Promise<string> =>
  await user.strata("run", "--rm", "--network", "none", ...flags, BOX, "sh", "-c", script);

describe("ids", () => {
  const alice = { id: 1000, name: "alice" };
  test.each([
    {
      name: "a range follows root",
      text: "bob:1:5\nalice:100000:65536\n",
      map: [
        [0, 1000, 1],
        [1, 100_000, 65_536],
      ],
      more: 65_536,
    },
    {
      name: "ranges follow each other, by name and by number",
      text: "alice:500:10\n1000:900:5\n",
      map: [
        [0, 1000, 1],
        [1, 500, 10],
        [11, 900, 5],
      ],
      more: 15,
    },
    { name: "without a range root is alone", text: "bob:1:5\nalice:x:1\nalice:1:0\nalice:\n", map: [[0, 1000, 1]], more: 0 },
  ])("$name", ({ text, map, more }) => {
    expect(idMap(text, alice, 1000)).toEqual(map);
    expect(spare(idMap(text, alice, 1000))).toBe(more);
  });
});

describe("a container", { timeout: 300_000 }, () => {
  test("has a root that is the user, and others whom files can belong to", async () => {
    expect(await shell("id -u; touch /x; chown 5:6 /x; stat -c '%u %g' /x /bin/sh")).toBe("0\n5 6\n0 0");
    expect(await shell("id -u; id -G; touch /tmp/x 2>/dev/null; cat /proc/self/uid_map | while read -r a b c; do echo $b; done", "-u", "1000:7")).toMatch(
      new RegExp(`^1000\n7\n${user.uid}\n\\d+$`),
    );
  });

  test("is kept from the machine as any other: seccomp, masked paths, devices, its own namespaces", async () => {
    const seen = await shell("cat /proc/keys; ls /sys/firmware; cat < /dev/kmsg; echo 1 > /proc/sys/kernel/hostname; ls /dev; readlink /proc/self/ns/net");
    expect(seen).toMatch(/^fd\nfull\nmqueue\nnull\n/);
    expect(seen).not.toContain(readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
    expect(seen).toContain("net:[");
    await expect(shell("mkdir /m && exec unshare -m true")).rejects.toThrow(/127/);
  });

  test("lives in the background, and all verbs find it", async () => {
    const id = await user.strata("run", "-d", "--name", "web", "--network", "none", BOX, "sh", "-c", "echo started; exec sleep 600");
    expect(await user.strata("ps", "--format", "{{.Names}} {{.Status}}")).toMatch(/^web Up/);
    expect(await user.strata("exec", "-u", "5", "web", "id", "-u")).toBe("5");
    await user.strata("exec", "web", "sh", "-c", "echo new > /new; chown 9:9 /new; rm -r /root; mkdir /root; touch /root/only");
    await expect.poll(async () => await user.strata("logs", "web")).toBe("started");
    expect((await user.strata("top", "web")).split("\n")).toHaveLength(2);
    expect((await user.strata("diff", "web")).split("\n").toSorted()).toContain("A /new");
    await user.strata("cp", "web:/new", join(user.home, "copied"));
    expect([readFileSync(join(user.home, "copied"), "utf8"), statSync(join(user.home, "copied")).uid]).toEqual(["new\n", user.uid]);
    await user.strata("cp", join(user.home, "copied"), "web:/back");
    await user.strata("commit", "web", "local/web");
    expect(await user.strata("run", "--rm", "--network", "none", "local/web", "sh", "-c", "cat /back; stat -c %u /new; ls /root")).toBe("new\n9\nonly");
    expect((await user.attempt("strata", ["pause", "web"])).stderr).toMatch(/control groups/);
    await user.strata("stop", "-t", "0", "web");
    expect(await user.strata("wait", "web")).toBe("137");
    await user.strata("start", "web");
    await user.strata("rm", "-f", "web");
    expect(existsSync(join(user.home, ".local/share/strata/containers", id))).toBe(false);
  });

  test("whose monitor is killed is noticed and can be removed", async () => {
    await user.strata("run", "-d", "--name", "orphan", BOX, "sleep", "600");
    const state = JSON.parse(await user.strata("inspect", "orphan")) as readonly { readonly State: { readonly Pid: number } }[];
    const pid = state[0]?.State.Pid ?? 0;
    const monitor = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
    process.kill(monitor, "SIGKILL");
    await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false);
    await expect.poll(async () => await user.strata("ps", "-a", "--format", "{{.Names}} {{.Status}}")).toMatch(/^orphan Exited/m);
    await user.strata("rm", "-f", "orphan");
    const slirp = (): readonly number[] => user.processes().filter((one) => readFileSync(`/proc/${one}/comm`, "utf8").startsWith("slirp"));
    await expect.poll(slirp).toEqual([]);
  });

  test("has volumes that get the image's files, with their owners", async () => {
    await shell("chown 5:5 /data; touch /data/kept; chown 7:7 /data/kept", "-v", "store:/data");
    expect(await shell("stat -c '%u %n' /data /data/kept", "-v", "store:/data:ro")).toBe("5 /data\n7 /data/kept");
    mkdirSync(join(user.home, "bound"), { recursive: true });
    writeFileSync(join(user.home, "bound/word"), "host");
    expect(await shell("cat /b/word; ls /b", "-v", `${join(user.home, "bound")}:/b:ro`)).toBe("hostword");
    await user.strata("volume", "rm", "store");
    expect(await user.strata("volume", "ls", "-q")).toBe("");
  });
});

test("a build runs its steps, and its image goes out and comes back", { timeout: 300_000 }, async () => {
  const context = join(user.home, "context");
  mkdirSync(context);
  writeFileSync(join(context, "word"), "hi");
  writeFileSync(
    join(context, "Dockerfile"),
    [
      `FROM ${BOX}`,
      "COPY --chown=33:44 word /srv/word",
      "RUN mkdir /opaque; touch /opaque/old /gone; chown 5:6 /opaque",
      "RUN rm -r /opaque /gone; mkdir /opaque; touch /opaque/new",
      "RUN --mount=type=cache,target=/c touch /c/x",
      'CMD ["sh", "-c", "stat -c %u:%g /srv/word; ls /opaque; ls /gone 2>/dev/null; id -u"]',
      "USER 33",
    ].join("\n"),
  );
  await user.strata("build", "-t", "local/built", context);
  const want = "33:44\nnew\n33";
  expect(await user.strata("run", "--rm", "--network", "none", "local/built")).toBe(want);
  await user.strata("save", "-o", join(user.home, "built.tar"), "local/built");
  await user.strata("rmi", "local/built");
  await user.strata("builder", "prune", "-f", "-a");
  await user.strata("load", "-i", join(user.home, "built.tar"));
  expect(await user.strata("run", "--rm", "--network", "none", "local/built")).toBe(want);
});

test("an empty XDG_RUNTIME_DIR is as good as none", { timeout: 180_000 }, async () => {
  const result = await user.attempt("strata", ["run", "--rm", "--network", "none", BOX, "id", "-u"], { XDG_RUNTIME_DIR: "", XDG_DATA_HOME: "" });
  expect(result).toMatchObject({ status: 0, stdout: "0\n" });
  expect([existsSync(join(user.home, "strata")), existsSync(join(user.home, ".local/share/strata/run/strata"))]).toEqual([false, true]);
});

describe("refused with what to do", { timeout: 180_000 }, () => {
  const run = (...words: readonly string[]): readonly string[] => ["run", "--rm", ...words, BOX, "true"];
  test.each([
    { name: "a bridge network", args: run("--network", "mine"), says: /Cannot join network "mine".*no bridges/ },
    { name: "a user namespace in the user namespace", args: run("--network", "none", "--userns", "auto"), says: /Cannot map the container's ids/ },
    { name: "a cluster", args: ["up"], says: /Cannot run a cluster as an ordinary user.*\n.*sudo strata up/ },
  ])("$name", async ({ args, says }) => {
    const { status, stderr } = await user.attempt("strata", args);
    expect(stderr).toMatch(says);
    expect(status).not.toBe(0);
    expect(await user.strata("ps", "-aq")).toBe("");
  });
});

describe("without newuidmap", { timeout: 300_000 }, () => {
  const alone = async (...args: readonly string[]): ReturnType<TestUser["attempt"]> => {
    const runtime = join(user.home, "alone");
    return await user.attempt("strata", args, { PATH: "/nowhere", XDG_RUNTIME_DIR: runtime });
  };
  test("there is root alone, and that is told once with what to install", async () => {
    const first = await alone("run", "--rm", "--network", "none", BOX, "sh", "-c", "id -u; cat /proc/self/setgroups");
    expect(first.stdout).toBe("0\ndeny\n");
    expect(first.stderr).toMatch(/warning: newuidmap is not installed \(apt-get install uidmap\)/);
    const second = await alone("run", "--rm", "--network", "none", BOX, "id", "-u");
    expect(second).toEqual({ status: 0, stdout: "0\n", stderr: "" });
    const other = await alone("run", "--rm", "--network", "none", "-u", "5", BOX, "id", "-u");
    expect(other.status).toBe(125);
    expect(other.stderr).toMatch(/user 5/);
  });
});

test("strata-runtime runs a bundle for a user, with its state in their own folder", { timeout: 300_000 }, async () => {
  const bundle = join(user.home, "bundle");
  for (const folder of ["rootfs/bin", "rootfs/proc", "rootfs/dev", "rootfs/sys"]) mkdirSync(join(bundle, folder), { recursive: true });
  await user.strata("create", "--name", "source", "--network", "none", BOX, "id");
  await user.strata("export", "-o", join(user.home, "source.tar"), "source");
  execFileSync("tar", ["-xf", join(user.home, "source.tar"), "-C", join(bundle, "rootfs")]);
  await user.strata("rm", "source");
  const namespaces = ["pid", "mount", "uts", "ipc", "network", "user", "cgroup"].map((type) => ({ type }));
  const map = [{ containerID: 0, hostID: user.uid, size: 1 }];
  const mounts = [
    { destination: "/proc", type: "proc", source: "proc" },
    { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755"] },
  ];
  const process = { user: { uid: 0, gid: 0 }, args: ["sh", "-c", "id -u; exit 4"], env: ["PATH=/bin"], cwd: "/" };
  execFileSync("chown", ["-R", user.name, bundle]);
  writeFileSync(
    join(bundle, "config.json"),
    JSON.stringify({ ociVersion: "1.2.0", process, root: { path: "rootfs" }, mounts, linux: { namespaces, uidMappings: map, gidMappings: map } }),
  );
  expect(await user.attempt("strata-runtime", ["run", "--bundle", bundle, "one"])).toEqual({ status: 4, stdout: "0\n", stderr: "" });
  expect(existsSync(join(user.runtimeFolder, "strata-runtime"))).toBe(true);
});

test("strata-runtime believes no state in a folder that somebody else made", { timeout: 180_000 }, async () => {
  const temporary = join(user.home, "temporary");
  const folder = join(temporary, `strata-runtime-${user.uid}`);
  mkdirSync(folder, { recursive: true, mode: 0o777 });
  const list = async (): ReturnType<TestUser["attempt"]> => await user.attempt("strata-runtime", ["list"], { XDG_RUNTIME_DIR: "", TMPDIR: temporary });
  expect(await list()).toMatchObject({ status: 1, stderr: expect.stringMatching(/not yours alone/) as string });
  rmdirSync(folder);
  chmodSync(temporary, 0o1777);
  expect(await list()).toMatchObject({ status: 0 });
  const { uid, mode } = statSync(folder);
  expect([uid, mode & 0o777]).toEqual([user.uid, 0o700]);
});
