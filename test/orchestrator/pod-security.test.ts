/** What a security context and resources do to a real container: who it is, what it may, what it gets. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { leastScore } from "../../orchestrator/kubelet/oom-score.ts";
import { strataOutput } from "../support/cli.ts";
import { eventually, type TestCluster } from "../support/cluster.ts";
import { eventsOf, IDLE, pod, podCluster, sh, untilPhase, untilPod, untilReady } from "./pod-lab.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await podCluster();
}, 300_000);
afterAll(async () => await cluster[Symbol.asyncDispose](), 120_000);

/** Runs a script in a pod of its own to its end, and returns what it said. */
async function said(
  name: string,
  script: string,
  { container = {}, spec = {} }: { readonly container?: object; readonly spec?: object } = {},
): Promise<string> {
  await cluster.apply(pod(name, { restartPolicy: "Never", ...spec, containers: [sh("c", script, container)] }));
  await untilPod(cluster, name, ({ status }) => status.phase === "Succeeded" || status.phase === "Failed");
  return await cluster.kubectl("logs", name);
}

describe("a security context", { timeout: 300_000 }, () => {
  test("says as whom a container runs; the container's own word wins", async () => {
    const spec = { securityContext: { runAsUser: 1000, runAsGroup: 3000, fsGroup: 2000, supplementalGroups: [4000] } };
    expect(await said("user", "id", { spec })).toMatch(
      /^uid=1000\S* gid=3000\S* groups=3000,2000,4000$|^uid=1000\S* gid=3000\S* groups=(?=.*\b2000\b)(?=.*\b4000\b).*$/,
    );
    expect(await said("own-user", "id -u; id -g", { spec, container: { securityContext: { runAsUser: 5, runAsGroup: 6 } } })).toBe("5\n6");
  });

  test("gives a volume to its fsGroup", async () => {
    const spec = { securityContext: { runAsUser: 1000, fsGroup: 2000 }, volumes: [{ name: "data", emptyDir: {} }] };
    const container = { volumeMounts: [{ name: "data", mountPath: "/data" }] };
    expect(await said("group", "stat -c '%g %a' /data; touch /data/file; stat -c '%u %g' /data/file", { spec, container })).toBe("2000 2777\n1000 2000");
  });

  test("keeps root out, and says why", async () => {
    await cluster.apply(pod("not-root", { securityContext: { runAsNonRoot: true }, containers: [sh("c", "id -u")] }));
    const found = await untilPod(cluster, "not-root", ({ status }) => status.containerStatuses?.[0].state.waiting?.reason === "CreateContainerConfigError");
    expect(found.status.containerStatuses[0].state.waiting.message).toContain("container has runAsNonRoot and image will run as root");
    await eventually(async () =>
      expect((await eventsOf(cluster, "not-root")).join("\n")).toContain("Warning Failed: Error: container has runAsNonRoot and image will run as root"),
    );
    expect(await said("some-user", "id -u", { spec: { securityContext: { runAsNonRoot: true, runAsUser: 1000 } } })).toBe("1000");
  });

  test("adds and drops capabilities", async () => {
    const mask = "grep CapEff /proc/self/status | cut -f2";
    const bits = async (name: string, capabilities: object): Promise<bigint> =>
      BigInt(`0x${await said(name, mask, { container: { securityContext: { capabilities } } })}`);
    const netAdmin = 1n << 12n;
    const chown = 1n;
    expect((await bits("cap-add", { add: ["NET_ADMIN"] })) & netAdmin).toBe(netAdmin);
    expect((await bits("cap-drop", { drop: ["CHOWN"] })) & (chown | netAdmin)).toBe(0n);
    expect(await bits("cap-none", { drop: ["ALL"] })).toBe(0n);
    expect(await bits("cap-one", { drop: ["ALL"], add: ["CHOWN"] })).toBe(chown);
  });

  test("makes the root read-only, forbids escalation, or lifts most of it all", async () => {
    const restricted = { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false };
    const look = "touch /file 2>&1; grep NoNewPrivs /proc/self/status | cut -f2; ls /dev | wc -l";
    const [touched, privileges, devices] = (await said("restricted", look, { container: { securityContext: restricted } })).split("\n");
    expect(touched).toContain("Read-only file system");
    expect(privileges).toBe("1");
    const all = await said("privileged", "grep CapEff /proc/self/status | cut -f2; grep Seccomp: /proc/self/status | cut -f2; touch /file; ls /dev | wc -l", {
      container: { securityContext: { privileged: true } },
    });
    const own = /^CapBnd:\s*(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    expect(all.split("\n").slice(0, 2)).toEqual([own, "0"]);
    expect(Number(devices)).toBeGreaterThan(5);
  });

  test("chooses a seccomp profile: the default, none, or a file of the node", async () => {
    const folder = join(cluster.root.root, "cluster/seccomp");
    mkdirSync(folder, { recursive: true });
    const profile = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }] };
    writeFileSync(join(folder, "no-mkdir.json"), JSON.stringify(profile));
    const look = "grep Seccomp: /proc/self/status | cut -f2; mkdir /made 2>&1 && echo made";
    const choose = async (name: string, seccompProfile: object): Promise<string> => await said(name, look, { spec: { securityContext: { seccompProfile } } });
    expect(await choose("seccomp-default", { type: "RuntimeDefault" })).toBe("2\nmade");
    expect(await choose("seccomp-none", { type: "Unconfined" })).toBe("0\nmade");
    expect(await choose("seccomp-file", { type: "Localhost", localhostProfile: "no-mkdir.json" })).toMatch(/^2\nmkdir: .*Operation not permitted$/);
    await cluster.apply(
      pod("seccomp-gone", { securityContext: { seccompProfile: { type: "Localhost", localhostProfile: "gone.json" } }, containers: [sh("c", "true")] }),
    );
    await untilPod(cluster, "seccomp-gone", ({ status }) => status.containerStatuses?.[0].state.waiting?.reason === "CreateContainerError");
  });

  test("sets the pod's own kernel parameters", async () => {
    const sysctls = [
      { name: "net.ipv4.ip_local_port_range", value: "20000\t30000" },
      { name: "kernel.shm_rmid_forced", value: "1" },
    ];
    const look = "cat /proc/sys/net/ipv4/ip_local_port_range /proc/sys/kernel/shm_rmid_forced";
    expect(await said("sysctls", look, { spec: { securityContext: { sysctls } } })).toBe("20000\t30000\n1");
  });
});

describe("namespaces", { timeout: 300_000 }, () => {
  test("of processes can be shared by the pod's containers", async () => {
    await cluster.apply(pod("together", { shareProcessNamespace: true, containers: [sh("a", `: marked; ${IDLE}`), sh("b", IDLE)] }));
    await untilReady(cluster, "together");
    const seen = await cluster.kubectl("exec", "together", "-c", "b", "--", "ps", "-e", "-o", "pid,args");
    expect(seen).toMatch(/^\s*1 \S*pause$|^\s*1 .*init pause$/m);
    expect(seen).toContain(": marked");
    const [marked] = /^\s*\d+(?= \S+ -c : marked)/m.exec(seen) ?? [];
    await cluster.kubectl("exec", "together", "-c", "b", "--", "kill", "-TERM", String(marked).trim());
    await untilPod(cluster, "together", ({ status }) => status.containerStatuses[0].restartCount === 1);
    await cluster.kubectl("delete", "pod", "together");
    await eventually(async () => expect(await strataOutput(cluster.root, "ps", "-aq", "--filter", "label=io.kubernetes.pod.name=together")).toBe(""));
  });

  test("of the host can be joined: network, processes, ipc", async () => {
    const links = (target: string): string => `readlink /proc/self/ns/${target}`;
    const own = (target: string): string => execFileSync("readlink", [`/proc/self/ns/${target}`], { encoding: "utf8" }).trim();
    const script = ["net", "pid", "ipc"].map(links).join("; ");
    const host = { hostNetwork: true, hostPID: true, hostIPC: true };
    expect(await said("host", `${script}; hostname`, { spec: host })).toBe([own("net"), own("pid"), own("ipc"), hostname()].join("\n"));
    expect((await cluster.get("pod", "host")).status.podIP).toBe((await cluster.get("pod", "host")).status.hostIP);
    const apart = (await said("apart", `${script}; hostname`)).split("\n");
    expect(apart.at(-1)).toBe("apart");
    for (const [index, target] of ["net", "pid", "ipc"].entries()) expect(apart[index]).not.toBe(own(target));
  });

  test("names of other hosts are in /etc/hosts", async () => {
    const spec = { hostname: "inside", hostAliases: [{ ip: "192.0.2.7", hostnames: ["one.example", "two.example"] }] };
    const text = await said("aliases", "hostname; cat /etc/hosts", { spec });
    expect(text).toMatch(/^inside\n/);
    expect(text).toMatch(/^192\.0\.2\.7\s+one\.example/m);
    expect(text).toMatch(/^192\.0\.2\.7\s+.*two\.example/m);
  });
});

describe("resources", { timeout: 300_000 }, () => {
  /** The value of a controller's file for a container, v1 or v2. */
  async function limit(name: string, v1: readonly [string, string], v2: string): Promise<string> {
    const [id] = (await cluster.get("pod", name)).status.containerStatuses.map(({ containerID }: any) => containerID.replace("strata://", ""));
    const pid = await strataOutput(cluster.root, "inspect", "--format", "{{.State.Pid}}", id);
    const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").split("\n");
    const old = lines.find((line) => line.split(":")[1]?.split(",").includes(v1[0]));
    if (old !== undefined) return readFileSync(join("/sys/fs/cgroup", v1[0], old.split(":")[2] ?? "", v1[1]), "utf8").trim();
    const path = lines.find((line) => line.startsWith("0::"))?.slice(3) ?? "";
    const root = existsSync("/sys/fs/cgroup/cgroup.controllers") ? "/sys/fs/cgroup" : "/sys/fs/cgroup/unified";
    return readFileSync(join(root, path, v2), "utf8").trim();
  }

  const rows = [
    { name: "best-effort", resources: {}, qos: "BestEffort", score: 1000 },
    { name: "guaranteed", resources: { limits: { cpu: "100m", memory: "64Mi" } }, qos: "Guaranteed", score: -997 },
    { name: "burstable", resources: { requests: { cpu: "50m", memory: "16Mi" }, limits: { memory: "64Mi" } }, qos: "Burstable", score: 999 },
  ];

  test("give a class, an out-of-memory score, and limits that hold", async () => {
    await cluster.apply(...rows.map(({ name, resources }) => pod(name, { containers: [sh("c", IDLE, { resources })] })));
    for (const { name, qos, score } of rows) {
      const { status } = await untilReady(cluster, name);
      expect(status.qosClass).toBe(qos);
      expect(Number(await cluster.kubectl("exec", name, "--", "cat", "/proc/1/oom_score_adj"))).toBe(Math.max(score, leastScore()));
    }
    expect(await limit("guaranteed", ["memory", "memory.limit_in_bytes"], "memory.max")).toBe(String(64 * 1024 * 1024));
    expect(await limit("guaranteed", ["cpu", "cpu.cfs_quota_us"], "cpu.max")).toMatch(/^10000( 100000)?$/);
    expect(await limit("burstable", ["cpu", "cpu.shares"], "cpu.weight")).toMatch(/^51$|^2$/);
  });

  test("beyond its memory a container is killed, and its status says so", async () => {
    const hog = { name: "c", image: "local/tools:v1", command: ["node", "-e", "const all = []; setInterval(() => all.push(Buffer.alloc(8 << 20, 1)), 1);"] };
    await cluster.apply(pod("hog", { restartPolicy: "Never", containers: [{ ...hog, resources: { limits: { memory: "96Mi" } } }] }));
    const { status } = await untilPhase(cluster, "hog", "Failed");
    expect(status.containerStatuses[0].state.terminated).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
    expect(await cluster.kubectl("get", "pod", "hog", "--no-headers")).toMatch(/\s0\/1\s+OOMKilled\s/);
  });
});
