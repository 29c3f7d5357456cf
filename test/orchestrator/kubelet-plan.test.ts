import { describe, expect, test } from "vitest";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { planPod, type PodAction } from "../../orchestrator/kubelet/plan-pod.ts";
import { podStatus } from "../../orchestrator/kubelet/pod-status.ts";
import type { RunningPod } from "../../orchestrator/kubelet/running.ts";
import { at, NOW } from "./objects.ts";
import { ended, node, pod, probes, runs } from "./running-pods.ts";

function say(action: PodAction): string {
  switch (action.kind) {
    case "prepare":
      return "prepare";
    case "start":
      return `start ${action.container.name}#${action.attempt} backoff ${action.backoff / 1000}`;
    case "stop":
      return `stop ${action.instance.id} ${action.why} within ${action.grace}`;
    case "kill":
      return `kill ${action.instance.id}`;
    case "forget":
      return `forget ${action.instance.id}`;
    case "dismantle":
      return action.purge ? "purge" : "dismantle";
  }
}

const two = [
  { name: "a", image: "i:v1" },
  { name: "b", image: "i:v1" },
];
const inits = [
  { name: "i1", image: "i:v1" },
  { name: "i2", image: "i:v1" },
];
const sidecar = [{ name: "s", image: "i:v1", restartPolicy: "Always" }];

const rows: readonly {
  readonly name: string;
  readonly pod: KubeObject;
  readonly running: RunningPod;
  readonly want: readonly string[];
  readonly wake?: number;
}[] = [
  { name: "makes volumes and sandbox first", pod: pod(), running: node([], { sandbox: undefined }), want: ["prepare"] },
  { name: "waits while somebody makes them", pod: pod(), running: node([], { sandbox: undefined, busy: new Set(["pod"]) }), want: [] },
  { name: "starts all containers at once", pod: pod({ containers: two }), running: node([]), want: ["start a#0 backoff 0", "start b#0 backoff 0"] },
  { name: "starts none that is being started", pod: pod({ containers: two }), running: node([], { busy: new Set(["a"]) }), want: ["start b#0 backoff 0"] },
  { name: "does nothing for what runs", pod: pod(), running: node([runs("c")]), want: [] },
  { name: "restarts at once after the first end", pod: pod(), running: node([ended("c", 1)]), want: ["start c#1 backoff 10"] },
  { name: "restarts also after a good end under Always", pod: pod(), running: node([ended("c", 0)]), want: ["start c#1 backoff 10"] },
  { name: "waits ten seconds after the second end", pod: pod(), running: node([ended("c", 1, { attempt: 1, backoff: 10_000, ago: 3 })]), want: [], wake: 7 },
  { name: "and then doubles", pod: pod(), running: node([ended("c", 1, { attempt: 1, backoff: 10_000, ago: 10 })]), want: ["start c#2 backoff 20"] },
  {
    name: "never waits longer than five minutes",
    pod: pod(),
    running: node([ended("c", 1, { attempt: 9, backoff: 300_000, ago: 300 })]),
    want: ["start c#10 backoff 300"],
  },
  {
    name: "forgives after ten quiet minutes",
    pod: pod(),
    running: node([ended("c", 1, { attempt: 9, backoff: 300_000, ago: 0, ran: 600 })]),
    want: ["start c#10 backoff 10"],
  },
  { name: "OnFailure restarts a failure", pod: pod({ restartPolicy: "OnFailure" }), running: node([ended("c", 3)]), want: ["start c#1 backoff 10"] },
  {
    name: "OnFailure is content with a success, and takes the sandbox down",
    pod: pod({ restartPolicy: "OnFailure" }),
    running: node([ended("c", 0)]),
    want: ["dismantle"],
  },
  { name: "Never restarts nothing", pod: pod({ restartPolicy: "Never" }), running: node([ended("c", 1)]), want: ["dismantle"] },
  { name: "and is done when the sandbox is gone", pod: pod({ restartPolicy: "Never" }), running: node([ended("c", 1)], { sandbox: undefined }), want: [] },
  {
    name: "keeps one ended instance of a container for its log",
    pod: pod(),
    running: node([runs("c", { attempt: 3 }), ended("c", 1, { attempt: 2 }), ended("c", 1, { attempt: 1 })]),
    want: ["forget c-1"],
  },
  {
    name: "ends sidecars after the containers, the last first",
    pod: pod({
      init: [
        { ...sidecar[0], name: "s1" },
        { ...sidecar[0], name: "s2" },
      ],
      deleting: true,
    }),
    running: node([runs("s1"), runs("s2")]),
    want: ["stop s2-0 deleted within 30"],
  },
  {
    name: "ends all at once when there is no grace",
    pod: pod({ init: sidecar, deleting: true, more: { terminationGracePeriodSeconds: 0 }, grace: 0 }),
    running: node([runs("s"), runs("c")]),
    want: ["stop s-0 deleted within 0", "stop c-0 deleted within 0"],
  },
  {
    name: "gives a sidecar what the containers left of the grace",
    pod: pod({ init: sidecar, deleting: true, until: 4 }),
    running: node([runs("s"), ended("c", 0)]),
    want: ["stop s-0 deleted within 4"],
  },
  {
    name: "ends sidecars of a pod that is done",
    pod: pod({ restartPolicy: "Never", init: sidecar }),
    running: node([runs("s"), ended("c", 0)]),
    want: ["stop s-0 done within 30"],
  },
  {
    name: "starts an ephemeral container beside what runs",
    pod: pod({ more: { ephemeralContainers: [{ name: "e", image: "i:v1" }] } }),
    running: node([runs("c")]),
    want: ["start e#0 backoff 0"],
  },
  {
    name: "never starts an ephemeral container twice",
    pod: pod({ more: { ephemeralContainers: [{ name: "e", image: "i:v1" }] } }),
    running: node([runs("c"), ended("e", 1)]),
    want: [],
  },
  {
    name: "nor one that the node has forgotten",
    pod: pod({
      more: { ephemeralContainers: [{ name: "e", image: "i:v1" }] },
      status: { ephemeralContainerStatuses: [{ name: "e", containerID: "strata://1" }] },
    }),
    running: node([runs("c")]),
    want: [],
  },
  { name: "runs init containers one by one", pod: pod({ init: inits }), running: node([]), want: ["start i1#0 backoff 0"] },
  { name: "the second init container after the first", pod: pod({ init: inits }), running: node([ended("i1", 0)]), want: ["start i2#0 backoff 0"] },
  { name: "containers after the last", pod: pod({ init: inits }), running: node([ended("i1", 0), ended("i2", 0)]), want: ["start c#0 backoff 0"] },
  { name: "a failed init container is tried again", pod: pod({ init: inits }), running: node([ended("i1", 1)]), want: ["start i1#1 backoff 10"] },
  {
    name: "a failed init container under Never ends the pod",
    pod: pod({ init: inits, restartPolicy: "Never" }),
    running: node([ended("i1", 1)]),
    want: ["dismantle"],
  },
  {
    name: "init containers are not run again when a container has begun",
    pod: pod({ init: inits }),
    running: node([ended("c", 1)]),
    want: ["start c#1 backoff 10"],
  },
  {
    name: "containers wait until a sidecar has started",
    pod: pod({ init: sidecar }),
    running: node([runs("s", { probes: { started: false, ready: false } })]),
    want: [],
  },
  { name: "a started sidecar lets them go", pod: pod({ init: sidecar }), running: node([runs("s")]), want: ["start c#0 backoff 0"] },
  {
    name: "an ended sidecar is started again beside them",
    pod: pod({ init: sidecar }),
    running: node([ended("s", 0), runs("c")]),
    want: ["start s#1 backoff 10"],
  },
  {
    name: "a sidecar does not keep a finished pod alive",
    pod: pod({ init: sidecar, restartPolicy: "Never" }),
    running: node([runs("s"), ended("c", 0)]),
    want: ["stop s-0 done within 30"],
  },
  {
    name: "a failed liveness probe stops the container",
    pod: pod(),
    running: node([runs("c", { probes: { ...probes, failed: { probe: "liveness" } } })]),
    want: ["stop c-0 liveness within 30"],
  },
  {
    name: "a container of another image than is wanted now is stopped",
    pod: pod({ containers: [{ name: "c", image: "i:v2" }] }),
    running: node([runs("c")]),
    want: ["stop c-0 changed within 30"],
  },
  {
    name: "and started again, whatever the restart policy",
    pod: pod({ containers: [{ name: "c", image: "i:v2" }], restartPolicy: "Never" }),
    running: node([ended("c", 143)]),
    want: ["start c#1 backoff 10"],
  },
  {
    name: "with the probe's own grace",
    pod: pod(),
    running: node([runs("c", { probes: { ...probes, failed: { probe: "startup", grace: 5 } } })]),
    want: ["stop c-0 startup within 5"],
  },
  {
    name: "a deleted pod's containers are stopped, sidecars later",
    pod: pod({ init: sidecar, deleting: true }),
    running: node([runs("s"), runs("c")]),
    want: ["stop c-0 deleted within 30"],
  },
  { name: "then its sidecars", pod: pod({ init: sidecar, deleting: true }), running: node([runs("s"), ended("c", 0)]), want: ["stop s-0 deleted within 30"] },
  {
    name: "what is being stopped is not stopped again",
    pod: pod({ deleting: true }),
    running: node([runs("c", { state: { kind: "running", startedAt: at(-9), stopping: true } })]),
    want: [],
  },
  {
    name: "unless the pod is deleted again with less grace: then it has until then",
    pod: pod({ deleting: true, until: 3 }),
    running: node([runs("c", { state: { kind: "running", startedAt: at(-9), stopping: true, stopBy: NOW + 20_000 } })]),
    want: [],
    wake: 3,
  },
  {
    name: "and is killed when that is over",
    pod: pod({ deleting: true, until: 0, grace: 0 }),
    running: node([runs("c", { state: { kind: "running", startedAt: at(-9), stopping: true, stopBy: NOW + 20_000 } })]),
    want: ["kill c-0"],
  },
  { name: "then all of it is removed", pod: pod({ deleting: true }), running: node([ended("c", 0)]), want: ["purge"] },
  { name: "but not while somebody is at work on it", pod: pod({ deleting: true }), running: node([ended("c", 0)], { busy: new Set(["c"]) }), want: [] },
  {
    name: "a pod past its deadline is stopped",
    pod: pod({ more: { activeDeadlineSeconds: 60 }, status: { startTime: at(-61) } }),
    running: node([runs("c")]),
    want: ["stop c-0 deadline within 30"],
  },
  {
    name: "and one before it is looked at when it strikes",
    pod: pod({ more: { activeDeadlineSeconds: 60 }, status: { startTime: at(-50) } }),
    running: node([runs("c")]),
    want: [],
    wake: 10,
  },
  {
    name: "an image that could not be pulled is tried again when its time has come",
    pod: pod(),
    running: node([], { problems: new Map([["c", { reason: "ErrImagePull", message: "m", at: NOW - 5000, retryAt: NOW + 5000 }]]) }),
    want: [],
    wake: 5,
  },
  {
    name: "an instance that the API knows and the node has lost counts as a restart",
    pod: pod({ status: { containerStatuses: [{ name: "c", restartCount: 2, containerID: "strata://gone" }] } }),
    running: node([]),
    want: ["start c#3 backoff 0"],
  },
];
test.each(rows)("the node agent: $name", ({ pod: object, running, want, wake }) => {
  const plan = planPod(object, running, NOW);
  expect(plan.actions.map(say)).toEqual(want);
  expect(plan.wakeAt === undefined ? undefined : (plan.wakeAt - NOW) / 1000).toBe(wake);
});

describe("a pod's status", () => {
  const statusOf = (object: KubeObject, running: RunningPod): any =>
    podStatus({ pod: object, running, plan: planPod(object, running, NOW), hostIP: "192.0.2.1", now: NOW });
  const unready = { probes: { started: true, ready: false } };
  const phases: readonly { readonly name: string; readonly pod: KubeObject; readonly running: RunningPod; readonly phase: string; readonly ready: string }[] = [
    { name: "nothing runs yet", pod: pod(), running: node([]), phase: "Pending", ready: "False ContainersNotReady" },
    { name: "it runs", pod: pod(), running: node([runs("c")]), phase: "Running", ready: "True" },
    { name: "it runs and is not ready", pod: pod(), running: node([runs("c", unready)]), phase: "Running", ready: "False ContainersNotReady" },
    { name: "one of two was never started", pod: pod({ containers: two }), running: node([runs("a")]), phase: "Pending", ready: "False ContainersNotReady" },
    {
      name: "it waits to be restarted",
      pod: pod(),
      running: node([ended("c", 1, { attempt: 1, backoff: 10_000 })]),
      phase: "Running",
      ready: "False ContainersNotReady",
    },
    { name: "all ended well", pod: pod({ restartPolicy: "Never" }), running: node([ended("c", 0)]), phase: "Succeeded", ready: "False PodCompleted" },
    {
      name: "one failed",
      pod: pod({ restartPolicy: "Never", containers: two }),
      running: node([ended("a", 0), ended("b", 2)]),
      phase: "Failed",
      ready: "False PodFailed",
    },
    { name: "an init container runs", pod: pod({ init: inits }), running: node([runs("i1")]), phase: "Pending", ready: "False ContainersNotReady" },
    {
      name: "an init container failed under Never",
      pod: pod({ init: inits, restartPolicy: "Never" }),
      running: node([ended("i1", 1)]),
      phase: "Failed",
      ready: "False PodFailed",
    },
    { name: "it is being deleted and has ended", pod: pod({ deleting: true }), running: node([ended("c", 143)]), phase: "Failed", ready: "False PodFailed" },
    {
      name: "it ended before, whatever runs",
      pod: pod({ restartPolicy: "Never", status: { phase: "Failed" } }),
      running: node([ended("c", 0)]),
      phase: "Failed",
      ready: "False PodFailed",
    },
  ];
  test.each(phases)("when $name", ({ pod: object, running, phase, ready }) => {
    const status = statusOf(object, running);
    const condition = status.conditions.find(({ type }: { type: string }) => type === "Ready");
    expect([status.phase, [condition.status, condition.reason].filter(Boolean).join(" ")]).toEqual([phase, ready]);
  });

  test("tells that a pod is initializing until its init containers are done, though volumes are still missing", () => {
    const status = statusOf(pod({ init: inits }), node([], { sandbox: undefined }));
    const reasons = [...status.initContainerStatuses, ...status.containerStatuses].map(({ state }) => state.waiting.reason);
    expect(reasons).toEqual(["PodInitializing", "PodInitializing", "PodInitializing"]);
    expect(statusOf(pod(), node([], { sandbox: undefined })).containerStatuses[0].state.waiting.reason).toBe("ContainerCreating");
  });

  test("tells of a crash loop with the wait, and keeps how the last run ended", () => {
    const [container] = statusOf(pod(), node([ended("c", 7, { attempt: 4, backoff: 160_000 })])).containerStatuses;
    expect(container.state.waiting).toEqual({ reason: "CrashLoopBackOff", message: "back-off 2m40s restarting failed container=c pod=p_default(uid-p)" });
    expect(container.lastState.terminated).toMatchObject({ exitCode: 7, reason: "Error" });
    expect(container.restartCount).toBe(4);
  });

  test("tells of an image as it failed, and a second later as the back-off that followed", () => {
    const failing = (age: number): RunningPod =>
      node([], { problems: new Map([["c", { reason: "ErrImagePull", message: "no such host", at: NOW - age, retryAt: NOW + 9000 }]]) });
    expect(statusOf(pod(), failing(0)).containerStatuses[0].state.waiting.reason).toBe("ErrImagePull");
    expect(statusOf(pod(), failing(2000)).containerStatuses[0].state.waiting).toEqual({
      reason: "ImagePullBackOff",
      message: 'Back-off pulling image "i:v1": no such host',
    });
  });

  test("a restarted container runs, and its last state tells why", () => {
    const [container] = statusOf(pod(), node([ended("c", 137, { attempt: 0 }), runs("c", { attempt: 1 })])).containerStatuses;
    expect(container).toMatchObject({ restartCount: 1, ready: true, started: true, state: { running: {} }, lastState: { terminated: { exitCode: 137 } } });
  });

  test("transition times move only when a condition turns", () => {
    const first = statusOf(pod(), node([runs("c")]));
    const before = {
      ...pod(),
      status: { ...first, conditions: first.conditions.map((condition: object) => ({ ...condition, lastTransitionTime: at(-500) })) },
    };
    const later = statusOf(before, node([runs("c", unready)]));
    const times = Object.fromEntries(later.conditions.map(({ type, lastTransitionTime }: Record<string, string>) => [type, lastTransitionTime]));
    expect(times).toMatchObject({ Ready: at(0), ContainersReady: at(0), Initialized: at(-500), PodScheduled: at(-500) });
  });
});
