/** strata-runtime under callers that give a container its network, before or after it is made: docker, podman and containerd. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { removeGroupsBelow } from "../support/cgroups.ts";
import { startContainerd } from "../support/containerd.ts";
import { type Dockerd, startDockerd } from "../support/dockerd.ts";
import { podmanStore } from "../support/podman.ts";
import { type Lab, openLab } from "./lab.ts";
import { execute, runtime } from "./oci-lab.ts";

let lab: Lab;
beforeAll(async () => {
  lab = await openLab();
  copyFileSync("/usr/bin/busybox", join(lab.rootfs, "bin/busybox")); // a server and clients in one file
});
afterAll(async () => await lab[Symbol.asyncDispose]());

const INTERFACES = "cut -d : -f 1 /proc/net/dev | tail -n +3 | tr -d ' ' | sort";
const SERVE = "mkdir -p /www && echo served > /www/index.html && exec busybox httpd -f -p 80 -h /www";

describe("docker", () => {
  let engine: Dockerd;
  beforeAll(async () => {
    const etc = join(lab.folder, "etc-docker");
    mkdirSync(etc);
    writeFileSync(join(etc, "daemon.json"), JSON.stringify({ runtimes: { strata: { path: runtime } } }));
    engine = await startDockerd({ etc, alone: true });
    const archive = join(lab.folder, "tools.tar");
    execFileSync("tar", ["-C", lab.rootfs, "-cf", archive, "."]);
    await engine.docker("import", "--change", "ENV PATH=/bin", archive, "tools");
    await engine.docker("network", "create", "ours");
  }, 300_000);
  afterAll(async () => await engine[Symbol.asyncDispose](), 180_000);

  const on = (kind: string): readonly string[] => ["--runtime", kind, "--network", "ours"];
  const flags = on("strata");

  test("gives it a link, an address, a way out and a resolver, as it gives runc's", async () => {
    const script = `${INTERFACES}; head -n 1 /etc/resolv.conf; cat /proc/net/route | wc -l`;
    const said = async (kind: string): Promise<string> => await engine.docker("run", "--rm", ...on(kind), "tools", "sh", "-c", script);
    const [ours, theirs] = await Promise.all([said("strata"), said("runc")]);
    expect(ours).toBe(theirs);
    expect(ours).toMatch(/^eth0\nlo\n.*nameserver 127\.0\.0\.11\n3$/s);
  });

  test("finds another by its name, and answers on a published port", async () => {
    await engine.docker("run", "-d", ...flags, "--name", "web", "-p", "127.0.0.1:8080:80", "tools", "sh", "-c", SERVE);
    const fetched = async (): Promise<string> =>
      await engine.docker("run", "--rm", ...flags, "tools", "busybox", "wget", "-q", "-O", "-", "http://web/").catch(String);
    await expect.poll(fetched, { timeout: 60_000 }).toBe("served");
    const outside = async (): Promise<string> => await engine.inside("busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:8080/").catch(String);
    await expect.poll(outside, { timeout: 60_000 }).toBe("served");
  });

  test("is connected to a second network while it runs, and taken off", async () => {
    await engine.docker("run", "-d", ...flags, "--name", "moved", "tools", "sleep", "300");
    await engine.docker("network", "create", "second");
    const links = async (): Promise<string> => await engine.docker("exec", "moved", "sh", "-c", INTERFACES);
    await engine.docker("network", "connect", "second", "moved");
    expect(await links()).toBe("eth0\neth1\nlo");
    await engine.docker("network", "disconnect", "second", "moved");
    expect(await links()).toBe("eth0\nlo");
  });

  test("starts it again as often as its policy says", async () => {
    await engine.docker("run", "-d", ...flags, "--restart", "on-failure:2", "--name", "again", "tools", "sh", "-c", "exit 3");
    const state = async (): Promise<string> => await engine.docker("inspect", "-f", "{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}", "again");
    await expect.poll(state, { timeout: 60_000 }).toBe("2 exited 3");
  });
});

/** In a network and a mount namespace of its own: what podman's plugins make is gone with it. */
const PODMAN = `
mount --make-rprivate /
for folder in /run /var/lib; do mount -t tmpfs tmpfs "$folder"; done
ip link set lo up
rootfs=$1; shift
set -- "$@" run --network ours --ulimit nofile=1000:1000 --ulimit nproc=1000:1000 --cgroup-parent "/$GROUP"
"$@" --rm --rootfs "$rootfs" sh -c "$INTERFACES" || exit 1
"$@" -d --name "$GROUP" -p 8080:80 --rootfs "$rootfs" sh -c "$SERVE" > /run/id || exit 1
for attempt in $(seq 600); do
  busybox wget -q -O - http://127.0.0.1:8080/ 2> /run/refused && break
  sleep 0.1
done
`;

test("podman gives it a bridge and a published port", async () => {
  const group = lab.id();
  const ipam = { type: "host-local", ranges: [[{ subnet: "10.234.6.0/24" }]], routes: [{ dst: "0.0.0.0/0" }] };
  const bridge = { type: "bridge", bridge: "ours0", isGateway: true, ipMasq: true, ipam };
  const network = { cniVersion: "0.4.0", name: "ours", plugins: [bridge, { type: "portmap", capabilities: { portMappings: true } }] };
  const networks = join(lab.folder, "net.d");
  mkdirSync(networks);
  writeFileSync(join(networks, "10-ours.conflist"), JSON.stringify(network));
  const env = { ...process.env, GROUP: group, INTERFACES, SERVE };
  const podman = ["podman", "--runtime", runtime, ...podmanStore(lab.folder), "--network-config-dir", networks];
  const alone = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", PODMAN, "sh", lab.rootfs, ...podman];
  try {
    expect(await execute("unshare", alone, "", env)).toMatchObject({ stdout: "eth0\nlo\nserved\n", status: 0 });
  } finally {
    await removeGroupsBelow(group);
  }
}, 180_000);

test("containerd's ctr runs it, enters it and ends it", async () => {
  await using containerd = await startContainerd();
  const ctr = async (...args: readonly string[]): Promise<string> => await containerd.ctr(...args);
  const flags = ["--runc-binary", runtime, "--rootfs", lab.rootfs];
  expect(await ctr("run", "--rm", ...flags, lab.id(), "/bin/sh", "-c", "echo out; hostname; id -u")).toMatch(/^out\n.*\n0$/);
  const id = lab.id();
  await ctr("run", "-d", ...flags, id, "/bin/sh", "-c", "sleep 300");
  expect(await ctr("tasks", "exec", "--exec-id", "entered", id, "/bin/sh", "-c", "echo in; tr '\\0' ' ' < /proc/1/cmdline")).toMatch(/^in\n(\/bin\/)?s/);
  await ctr("tasks", "pause", id);
  expect(await ctr("tasks", "ls")).toMatch(new RegExp(`${id} +\\d+ +PAUSED`));
  await ctr("tasks", "resume", id);
  await ctr("tasks", "kill", "--signal", "SIGKILL", id);
  await expect.poll(async () => await ctr("tasks", "ls"), { timeout: 60_000 }).toMatch(new RegExp(`${id} +\\d+ +STOPPED`));
  await ctr("tasks", "rm", id).catch(() => ""); // its status is the task's: 137
  await ctr("containers", "rm", id);
  expect(await ctr("containers", "ls", "-q")).toBe("");
}, 180_000);
