/** Pods of several containers, seen with kubectl: their order, how they end and begin again, their hooks, and the status that tells of it. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { strataOutput } from "../support/cli.ts";
import { eventually, type TestCluster } from "../support/cluster.ts";
import { conditions, endProgram, eventsOf, IDLE, pod, podCluster, sh, untilPhase, untilPod, untilReady } from "./pod-lab.ts";

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await podCluster();
}, 300_000);
afterAll(async () => await cluster[Symbol.asyncDispose](), 120_000);

const shared = { volumes: [{ name: "shared", emptyDir: {} }] };
const at = { volumeMounts: [{ name: "shared", mountPath: "/shared" }] };
const exists = (path: string): object => ({ exec: { command: ["sh", "-c", `test -e ${path}`] }, periodSeconds: 1, failureThreshold: 60 });
const note = (word: string): string => `echo ${word} >> /shared/order`;

describe("containers of one pod", { timeout: 300_000 }, () => {
  test("share its network and a volume, and have their own files and processes", async () => {
    const serve = `require("http").createServer((_, answer) => answer.end("from a\\n")).listen(8080, "127.0.0.1")`;
    const ask = `require("http").get("http://localhost:8080", (answer) => answer.pipe(process.stdout)).on("error", () => process.exit(1))`;
    const a = { name: "a", image: "local/tools:v1", command: ["node", "-e", serve] };
    await cluster.apply(pod("family", { ...shared, containers: [{ ...a, ...at }, sh("b", IDLE, at)] }));
    await untilReady(cluster, "family");
    await eventually(async () => expect(await cluster.kubectl("exec", "family", "-c", "b", "--", "node", "-e", ask)).toBe("from a"));
    await cluster.kubectl("exec", "family", "-c", "b", "--", "sh", "-c", "echo word > /shared/file; echo own > /own");
    expect(await cluster.kubectl("exec", "family", "-c", "a", "--", "sh", "-c", "cat /shared/file; ls /own 2>/dev/null; hostname")).toBe("word\nfamily");
    expect(await cluster.kubectl("exec", "family", "-c", "b", "--", "ps", "-e", "-o", "args")).not.toContain("createServer");
  });

  test("start when the init containers have ended one after the other, a failed one tried again", async () => {
    await cluster.apply(
      pod("inits", {
        ...shared,
        restartPolicy: "OnFailure",
        initContainers: [
          sh("first", `${note("first")}; test -e /shared/again || { touch /shared/again; exit 1; }`, at),
          sh("second", `sleep 0.3; ${note("second")}`, at),
        ],
        containers: [sh("main", `${note("main")}; cat /shared/order`, at)],
      }),
    );
    const { status } = await untilPhase(cluster, "inits", "Succeeded");
    expect(await cluster.kubectl("logs", "inits")).toBe("first\nfirst\nsecond\nmain");
    expect(status.initContainerStatuses).toMatchObject([
      { name: "first", ready: true, restartCount: 1, state: { terminated: { exitCode: 0, reason: "Completed" } }, lastState: { terminated: { exitCode: 1 } } },
      { name: "second", ready: true, restartCount: 0 },
    ]);
    expect(conditions({ status })).toMatchObject({ Initialized: "True", Ready: "False" });
    expect(await cluster.kubectl("get", "pod", "inits", "--no-headers")).toMatch(/^inits\s+0\/1\s+Completed\s+/);
  });

  test("never start when an init container has failed for good", async () => {
    await cluster.apply(pod("failed-init", { restartPolicy: "Never", initContainers: [sh("first", "exit 4")], containers: [sh("main", "true")] }));
    const { status } = await untilPhase(cluster, "failed-init", "Failed");
    expect(status.containerStatuses[0].state).toEqual({ waiting: { reason: "PodInitializing" } });
    expect(status.initContainerStatuses[0].state.terminated).toMatchObject({ exitCode: 4, reason: "Error" });
    expect(await cluster.kubectl("get", "pod", "failed-init", "--no-headers")).toMatch(/\s+0\/1\s+Init:Error\s+/);
  });
});

describe("sidecars", { timeout: 300_000 }, () => {
  const sidecar = (name: string, script: string, more: object = {}): object => sh(name, script, { ...at, restartPolicy: "Always", ...more });
  const ending = (name: string): string => `trap '${note(`${name}-end`)}; exit 0' TERM; ${note(name)}; while :; do sleep 0.1; done`;

  test("start in order, each when it has started; count in READY; come back when they end; stop last, in reverse", async () => {
    const host = join(cluster.root.root, "../sidecars");
    await cluster.apply(
      pod("crew", {
        terminationGracePeriodSeconds: 20,
        volumes: [{ name: "shared", hostPath: { path: host, type: "DirectoryOrCreate" } }],
        initContainers: [
          sidecar("one", `sleep 0.5; touch /shared/started; ${ending("one")}`, { startupProbe: exists("/shared/started") }),
          sh("between", `test -e /shared/started && ${note("between")}`, at),
          sidecar("two", ending("two")),
        ],
        containers: [sh("main", ending("main"), at)],
      }),
    );
    await untilReady(cluster, "crew");
    expect(await cluster.kubectl("get", "pod", "crew", "--no-headers")).toMatch(/^crew\s+3\/3\s+Running\s+0\s/);
    const order = async (): Promise<readonly string[]> => (await cluster.kubectl("exec", "crew", "-c", "main", "--", "cat", "/shared/order")).split("\n");
    await eventually(async () => expect(await order()).toEqual(["one", "between", "two", "main"]));
    await endProgram(cluster, "crew", "-c", "two");
    await untilPod(cluster, "crew", ({ status }) => status.initContainerStatuses[2].restartCount === 1 && conditions({ status })["Ready"] === "True");
    const before = ["one", "between", "two", "main", "two-end", "two"];
    await eventually(async () => expect(await order()).toEqual(before));
    await cluster.kubectl("delete", "pod", "crew");
    const reader = pod("reader", {
      restartPolicy: "Never",
      volumes: [{ name: "shared", hostPath: { path: host } }],
      containers: [sh("c", "cat /shared/order", at)],
    });
    await cluster.apply(reader);
    await untilPhase(cluster, "reader", "Succeeded");
    expect((await cluster.kubectl("logs", "reader")).split("\n").slice(before.length)).toEqual(["main-end", "two-end", "one-end"]);
  });

  test("do not keep a pod from completing", async () => {
    await cluster.apply(pod("task", { ...shared, restartPolicy: "Never", initContainers: [sidecar("helper", IDLE)], containers: [sh("main", "echo done")] }));
    await untilPhase(cluster, "task", "Succeeded");
    const { status } = await untilPod(cluster, "task", ({ status: now }) => now.initContainerStatuses[0].state.terminated !== undefined);
    expect(status.containerStatuses[0].state.terminated).toMatchObject({ exitCode: 0, reason: "Completed" });
    expect(conditions({ status })).toMatchObject({ Ready: "False", ContainersReady: "False" });
  });
});

describe("a container that ends", { timeout: 300_000 }, () => {
  const rows = [
    { policy: "Never", code: 0, phase: "Succeeded", restarts: 0 },
    { policy: "Never", code: 3, phase: "Failed", restarts: 0 },
    { policy: "OnFailure", code: 0, phase: "Succeeded", restarts: 0 },
    { policy: "OnFailure", code: 3, phase: "Running", restarts: 1 },
    { policy: "Always", code: 0, phase: "Running", restarts: 1 },
  ];

  test("is restarted as its pod's policy says", async () => {
    const nameOf = ({ policy, code }: (typeof rows)[number]): string => `ends-${policy.toLowerCase()}-${code}`;
    await cluster.apply(...rows.map((row) => pod(nameOf(row), { restartPolicy: row.policy, containers: [sh("c", `exit ${row.code}`)] })));
    const ended = async (row: (typeof rows)[number]): Promise<void> => {
      const { status } = await untilPod(
        cluster,
        nameOf(row),
        (found) => found.status.phase === row.phase && found.status.containerStatuses[0].restartCount === row.restarts,
      );
      const { state, lastState } = status.containerStatuses[0];
      expect((state.terminated ?? lastState.terminated).exitCode).toBe(row.code);
      if (row.restarts > 0) {
        const { waiting } = (await untilPod(cluster, nameOf(row), (found) => found.status.containerStatuses[0].state.waiting !== undefined)).status
          .containerStatuses[0].state;
        expect(waiting).toMatchObject({ reason: "CrashLoopBackOff", message: expect.stringMatching(/^back-off 10s restarting failed container=c pod=ends-/) });
      }
    };
    await Promise.all(rows.map(ended)); // none waits for another: after ten seconds the count is higher
    await eventually(async () =>
      expect((await eventsOf(cluster, "ends-always-0")).join("\n")).toContain(
        "Warning BackOff: Back-off restarting failed container c in pod ends-always-0_default(",
      ),
    );
  });

  test("because it cannot be executed is held back too, and says why", async () => {
    await cluster.apply(pod("no-program", { containers: [{ name: "c", image: "local/tools:v1", command: ["nonesuch"] }] }));
    const { status } = await untilPod(cluster, "no-program", ({ status: now }) => now.containerStatuses?.[0].restartCount === 1);
    expect(status.containerStatuses[0]).toMatchObject({
      lastState: { terminated: { exitCode: 128, reason: "StartError", message: expect.stringContaining("nonesuch") } },
    });
    await untilPod(cluster, "no-program", (found) => found.status.containerStatuses[0].state.waiting?.reason === "CrashLoopBackOff");
    await eventually(async () =>
      expect((await eventsOf(cluster, "no-program")).join("\n")).toMatch(/Warning Failed: Error: failed to start container "c": .*nonesuch/),
    );
  });

  test("leaves its last words: a file, or the end of its log", async () => {
    await cluster.apply(
      pod("words", {
        restartPolicy: "Never",
        containers: [
          sh("file", "echo 'from the file' > /dev/termination-log; exit 1"),
          sh("own-path", "echo elsewhere > /tmp/words; exit 1", { terminationMessagePath: "/tmp/words" }),
          sh("log", "seq 1 200; echo the end; exit 1", { terminationMessagePolicy: "FallbackToLogsOnError" }),
          sh("good", "echo fine", { terminationMessagePolicy: "FallbackToLogsOnError" }),
        ],
      }),
    );
    const { status } = await untilPhase(cluster, "words", "Failed");
    const said = Object.fromEntries(status.containerStatuses.map(({ name, state }: any) => [name, state.terminated.message]));
    expect([said["file"], said["own-path"], said["good"]]).toEqual(["from the file\n", "elsewhere\n", undefined]);
    expect(said["log"].split("\n").slice(-3)).toEqual(["200", "the end", ""]);
    expect(said["log"].split("\n")).toHaveLength(81);
  });

  test("is taken with its pod when the pod's time is over", async () => {
    await cluster.apply(pod("late", { activeDeadlineSeconds: 15, containers: [sh("c", IDLE)] })); // time to start, also where much else runs
    const { status } = await untilPhase(cluster, "late", "Failed");
    expect(status).toMatchObject({ reason: "DeadlineExceeded", message: "Pod was active on the node longer than the specified deadline" });
    await untilPod(cluster, "late", (found) => found.status.containerStatuses[0].state.terminated !== undefined);
    const said = "DeadlineExceeded: Pod was active on the node longer than the specified deadline";
    await eventually(async () => expect((await eventsOf(cluster, "late")).join("\n")).toContain(said));
  });

  test("has its grace, then SIGKILL; with --force none", async () => {
    const deaf = sh("c", "trap '' TERM; echo deaf; while :; do sleep 0.1; done");
    await cluster.apply(pod("deaf", { containers: [deaf] }), pod("forced", { terminationGracePeriodSeconds: 600, containers: [deaf] }));
    for (const name of ["deaf", "forced"]) await eventually(async () => expect(await cluster.kubectl("logs", name)).toBe("deaf"));
    const begun = Date.now();
    await cluster.kubectl("delete", "pod", "forced", "--force", "--grace-period=0");
    await cluster.kubectl("delete", "pod", "deaf");
    expect(Date.now() - begun).toBeGreaterThan(1900);
    await eventually(async () => expect(await strataOutput(cluster.root, "ps", "-q", "--filter", "label=io.kubernetes.pod.name=forced")).toBe(""));
  });

  test.each([
    ["less grace", ["--grace-period=1"]],
    ["force", ["--grace-period=0", "--force"]],
  ])("and does not want to, ends at once when it is deleted again with %s", async (word, flags) => {
    const name = `deaf-${word.replace(" ", "-")}`;
    const deaf = sh("deaf", 'trap "" TERM; echo up; while :; do sleep 1; done');
    await cluster.apply(pod(name, { terminationGracePeriodSeconds: 600, containers: [deaf] }));
    await eventually(async () => expect(await cluster.kubectl("logs", name)).toBe("up"));
    await cluster.kubectl("delete", "pod", name, "--wait=false");
    await eventually(async () => expect(await eventsOf(cluster, name)).toContain("Normal Killing: Stopping container deaf"));
    await cluster.kubectl("delete", "pod", name, ...flags, "--timeout=120s");
    await eventually(async () => expect(await strataOutput(cluster.root, "ps", "-q", "--filter", `label=io.kubernetes.pod.name=${name}`)).toBe(""));
  });
});

describe("hooks", { timeout: 300_000 }, () => {
  test("postStart holds a container back from Running until it is done", async () => {
    const hook = { postStart: { exec: { command: ["sh", "-c", "while ! test -e /shared/go; do sleep 0.1; done; echo hooked > /shared/hook"] } } };
    await cluster.apply(pod("hooked", { ...shared, containers: [sh("c", IDLE, { ...at, lifecycle: hook }), sh("d", IDLE, at)] }));
    const { status } = await untilPod(cluster, "hooked", (found) => found.status.containerStatuses?.[1].state.running !== undefined);
    expect(status.containerStatuses[0]).toMatchObject({ started: false, ready: false, state: { waiting: { reason: "ContainerCreating" } } });
    expect(status.phase).toBe("Pending");
    await cluster.kubectl("exec", "hooked", "-c", "d", "--", "touch", "/shared/go");
    await untilReady(cluster, "hooked");
    expect(await cluster.kubectl("exec", "hooked", "-c", "c", "--", "cat", "/shared/hook")).toBe("hooked");
  });

  test("a postStart that fails kills the container", async () => {
    await cluster.apply(pod("bad-hook", { containers: [sh("c", IDLE, { lifecycle: { postStart: { exec: { command: ["sh", "-c", "echo no; exit 1"] } } } })] }));
    await untilPod(cluster, "bad-hook", ({ status }) => status.containerStatuses?.[0].restartCount > 0);
    await eventually(async () => {
      const events = (await eventsOf(cluster, "bad-hook")).join("\n");
      expect(events).toContain("Warning FailedPostStartHook: PostStartHook failed: no");
      expect(events).toContain("Normal Killing: FailedPostStartHook");
    });
  });

  test("preStop runs before the stop signal: a command, a request, a pause; one that fails is told", async () => {
    const listen = `require("http").createServer((request, answer) => { require("fs").appendFileSync("/shared/order", "asked " + request.url + "\\n"); answer.end(); }).listen(8080)`;
    const host = join(cluster.root.root, "../hooks");
    const node = { name: "web", image: "local/tools:v1", command: ["node", "-e", listen], readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 } };
    const web = { ...node, ...at, lifecycle: { preStop: { httpGet: { path: "/bye", port: 8080 } } } };
    const told = (name: string, preStop: object): object =>
      sh(name, `trap '${note(`${name}-term`)}; exit 0' TERM; while :; do sleep 0.1; done`, { ...at, lifecycle: { preStop } });
    const volumes = [{ name: "shared", hostPath: { path: host, type: "DirectoryOrCreate" } }];
    await cluster.apply(
      pod("leaving", {
        terminationGracePeriodSeconds: 25,
        volumes,
        containers: [
          told("shell", { exec: { command: ["sh", "-c", note("shell-pre")] } }),
          web,
          told("pause", { sleep: { seconds: 6 } }),
          told("bad", { exec: { command: ["false"] } }),
        ],
      }),
    );
    await untilReady(cluster, "leaving");
    const begun = Date.now();
    await cluster.kubectl("delete", "pod", "leaving");
    expect(Date.now() - begun).toBeGreaterThan(5900);
    await cluster.apply(pod("after", { restartPolicy: "Never", volumes, containers: [sh("c", "cat /shared/order", at)] }));
    await untilPhase(cluster, "after", "Succeeded");
    const order = (await cluster.kubectl("logs", "after")).split("\n");
    expect(order.toSorted()).toEqual(["asked /bye", "bad-term", "pause-term", "shell-pre", "shell-term"]);
    expect(order.indexOf("shell-pre")).toBeLessThan(order.indexOf("shell-term"));
    expect(order.at(-1)).toBe("pause-term");
    await eventually(async () => expect((await eventsOf(cluster, "leaving")).join("\n")).toContain("Warning FailedPreStopHook: PreStopHook failed"));
  });
});

describe("the status", { timeout: 300_000 }, () => {
  test("tells all of a pod that runs", async () => {
    await cluster.apply(pod("whole", { containers: [sh("c", IDLE, { resources: { requests: { cpu: "10m", memory: "16Mi" } } })] }));
    const { status, spec } = await untilReady(cluster, "whole");
    expect(conditions({ status })).toEqual({
      PodReadyToStartContainers: "True",
      Initialized: "True",
      Ready: "True",
      ContainersReady: "True",
      PodScheduled: "True",
    });
    expect(status).toMatchObject({
      phase: "Running",
      qosClass: "Burstable",
      hostIPs: [{ ip: status.hostIP }],
      podIPs: [{ ip: status.podIP }],
      startTime: expect.stringMatching(/Z$/),
      containerStatuses: [
        {
          name: "c",
          image: "local/tools:v1",
          imageID: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
          containerID: expect.stringMatching(/^strata:\/\/[0-9a-f]{64}$/),
          ready: true,
          started: true,
          restartCount: 0,
          lastState: {},
          state: { running: { startedAt: expect.stringMatching(/Z$/) } },
          allocatedResources: { cpu: "10m", memory: "16Mi" },
        },
      ],
    });
    expect(spec).toMatchObject({ nodeName: "here", serviceAccountName: "default", priority: 0, tolerations: [{ key: "node.kubernetes.io/not-ready" }, {}] });
  });

  test("waits for the gates that others open", async () => {
    await cluster.apply(pod("gated", { readinessGates: [{ conditionType: "example.com/checked" }], containers: [sh("c", IDLE)] }));
    const { status } = await untilPod(cluster, "gated", (found) => conditions(found)["ContainersReady"] === "True");
    const ready = status.conditions.find(({ type }: any) => type === "Ready");
    expect(ready).toMatchObject({ status: "False", reason: "ReadinessGatesNotReady" });
    const open = { status: { conditions: [{ type: "example.com/checked", status: "True" }] } };
    await cluster.kubectl("patch", "pod", "gated", "--subresource=status", "--type=strategic", "-p", JSON.stringify(open));
    await untilReady(cluster, "gated");
    expect(await cluster.kubectl("get", "pod", "gated", "-o", "wide", "--no-headers")).toMatch(/1\/1$/);
  });

  test("is what the textbook's describe shows", async () => {
    const text = await cluster.kubectl("describe", "pod", "whole");
    for (const line of [
      /^Name:\s+whole$/m,
      /^Service Account:\s+default$/m,
      /^Node:\s+here\/\d/m,
      /^Status:\s+Running$/m,
      /^IP:\s+10\./m,
      /Container ID:\s+strata:\/\//,
      /State:\s+Running\n\s+Started:/,
      /Ready:\s+True/,
      /Restart Count:\s+0/,
      /Requests:\n\s+cpu:\s+10m/,
      /\/var\/run\/secrets\/kubernetes\.io\/serviceaccount from kube-api-access-\w{5} \(ro\)/,
      /PodReadyToStartContainers\s+True/,
      /Type:\s+Projected \(a volume that contains injected data from multiple sources\)\n\s+TokenExpirationSeconds:\s+3607\n\s+ConfigMapName:\s+kube-root-ca\.crt/,
      /^QoS Class:\s+Burstable$/m,
      /Normal\s+Scheduled\s.*default-scheduler\s+Successfully assigned default\/whole to here/,
      /Normal\s+Pulled\s.*kubelet\s+Container image "local\/tools:v1" already present on machine/,
      /Normal\s+Created\s.*kubelet\s+Created container: c/,
      /Normal\s+Started\s.*kubelet\s+Started container c/,
    ])
      expect(text).toMatch(line);
  });
});
