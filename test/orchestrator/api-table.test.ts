import { describe, expect, test } from "vitest";
import { formatAge, formatDuration } from "../../orchestrator/api/table/age.ts";
import { columnsOf } from "../../orchestrator/api/table/columns.ts";
import { podReady, podRestarts, podStatus } from "../../orchestrator/api/table/pod-cell.ts";
import { resourceNamed, resources } from "../../orchestrator/schema/resources.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe("ages", () => {
  const ages = [
    [0, "0s"],
    [1 * SECOND, "1s"],
    [119 * SECOND, "119s"],
    [2 * MINUTE, "2m"],
    [2 * MINUTE + SECOND, "2m1s"],
    [9 * MINUTE + 59 * SECOND, "9m59s"],
    [10 * MINUTE + SECOND, "10m"],
    [179 * MINUTE, "179m"],
    [3 * HOUR, "3h"],
    [3 * HOUR + MINUTE, "3h1m"],
    [8 * HOUR + MINUTE, "8h"],
    [47 * HOUR, "47h"],
    [2 * DAY, "2d"],
    [2 * DAY + HOUR, "2d1h"],
    [8 * DAY + HOUR, "8d"],
    [729 * DAY, "729d"],
    [730 * DAY, "2y"],
    [731 * DAY, "2y1d"],
    [8 * 365 * DAY + DAY, "8y"],
    [-500, "0s"],
    [-5 * SECOND, "<invalid>"],
  ] as const;
  test.each(ages)("%d ms is %s", (span, want) => expect(formatDuration(span)).toBe(want));
  test("of what has no time is unknown", () => expect(formatAge(undefined, new Date())).toBe("<unknown>"));
});

const now = new Date("2030-01-01T00:00:00Z");

interface PodParts {
  readonly phase?: string;
  readonly reason?: string;
  readonly deleted?: boolean;
  readonly containers?: readonly object[];
  readonly inits?: readonly object[];
  readonly conditions?: readonly object[];
}

function pod({ phase = "Running", reason, deleted = false, containers = [], inits = [], conditions = [] }: PodParts): any {
  const named = (list: readonly object[], prefix: string): any[] =>
    list.map((status, index) => ({ name: `${prefix}${index}`, restartCount: 0, ready: false, ...status }));
  const [statuses, initStatuses] = [named(containers, "c"), named(inits, "i")];
  return {
    metadata: { name: "p", ...(deleted && { deletionTimestamp: "2030-01-01T00:00:00Z" }) },
    spec: {
      containers: statuses.map(({ name }) => ({ name })),
      initContainers: initStatuses.map(({ name, sidecar }) => ({ name, ...(sidecar === true && { restartPolicy: "Always" }) })),
    },
    status: { phase, reason, containerStatuses: statuses, initContainerStatuses: initStatuses, conditions },
  };
}

const running = { ready: true, started: true, state: { running: {} } };
const done = { state: { terminated: { exitCode: 0, reason: "Completed" } } };

describe("the status of a pod", () => {
  const cases = [
    { name: "is its phase", pod: pod({ phase: "Pending" }), want: "Pending" },
    { name: "is its reason when it has one", pod: pod({ phase: "Failed", reason: "Evicted" }), want: "Evicted" },
    {
      name: "is what a container waits for",
      pod: pod({ containers: [running, { state: { waiting: { reason: "CrashLoopBackOff" } } }] }),
      want: "CrashLoopBackOff",
    },
    {
      name: "is the first container's word when several wait",
      pod: pod({ containers: [{ state: { waiting: { reason: "ErrImagePull" } } }, { state: { waiting: { reason: "CrashLoopBackOff" } } }] }),
      want: "ErrImagePull",
    },
    {
      name: "is why a container ended",
      pod: pod({ phase: "Failed", containers: [{ state: { terminated: { exitCode: 1, reason: "Error" } } }] }),
      want: "Error",
    },
    {
      name: "is the exit code when there is no reason",
      pod: pod({ phase: "Failed", containers: [{ state: { terminated: { exitCode: 3 } } }] }),
      want: "ExitCode:3",
    },
    {
      name: "is the signal when there is one",
      pod: pod({ phase: "Failed", containers: [{ state: { terminated: { exitCode: 137, signal: 9 } } }] }),
      want: "Signal:9",
    },
    { name: "is Completed when all is done", pod: pod({ phase: "Succeeded", containers: [done] }), want: "Completed" },
    {
      name: "is Running when one is done and one runs ready",
      pod: pod({ containers: [done, running], conditions: [{ type: "Ready", status: "True" }] }),
      want: "Running",
    },
    { name: "is NotReady when one is done and the pod is not ready", pod: pod({ containers: [done, running] }), want: "NotReady" },
    { name: "counts init containers", pod: pod({ phase: "Pending", inits: [done, { state: { running: {} } }, {}] }), want: "Init:1/3" },
    {
      name: "tells what an init container waits for",
      pod: pod({ phase: "Pending", inits: [{ state: { waiting: { reason: "ImagePullBackOff" } } }] }),
      want: "Init:ImagePullBackOff",
    },
    {
      name: "does not tell of initializing itself",
      pod: pod({ phase: "Pending", inits: [{ state: { waiting: { reason: "PodInitializing" } } }] }),
      want: "Init:0/1",
    },
    {
      name: "tells how an init container failed",
      pod: pod({ phase: "Pending", inits: [{ state: { terminated: { exitCode: 2 } } }] }),
      want: "Init:ExitCode:2",
    },
    { name: "passes over a sidecar that has started", pod: pod({ inits: [{ ...running, sidecar: true }], containers: [running] }), want: "Running" },
    { name: "is Terminating when deleted", pod: pod({ deleted: true, containers: [running] }), want: "Terminating" },
    {
      name: "tells of gates",
      pod: pod({ phase: "Pending", conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulingGated" }] }),
      want: "SchedulingGated",
    },
  ];
  test.each(cases)("$name", ({ pod: object, want }) => expect(podStatus(object)).toBe(want));

  test("its readiness counts sidecars, its restarts tell when the last was", () => {
    const object = pod({
      inits: [{ ...running, sidecar: true }],
      containers: [running, { restartCount: 3, lastState: { terminated: { exitCode: 1, finishedAt: "2029-12-31T23:59:50Z" } }, state: { waiting: {} } }],
    });
    expect([podReady(object), podRestarts(object, now)]).toEqual(["2/3", "3 (10s ago)"]);
  });
});

describe("columns", () => {
  const row = (resource: string, object: any): unknown[] =>
    columnsOf(resourceNamed(resource)).map(({ cell }) =>
      cell({ metadata: { name: "x", creationTimestamp: "2029-12-31T23:59:00Z", ...object.metadata }, ...object }, now),
    );
  const titles = (resource: string): string[] => columnsOf(resourceNamed(resource)).map(({ name }) => name);

  test("of a service", () => {
    const spec = {
      type: "NodePort",
      clusterIP: "10.0.0.1",
      ports: [
        { port: 80, nodePort: 30080, protocol: "TCP" },
        { port: 53, protocol: "UDP" },
      ],
      selector: { a: "b" },
    };
    expect(row("services", { spec })).toEqual(["x", "NodePort", "10.0.0.1", "<none>", "80:30080/TCP,53/UDP", "60s", "a=b"]);
  });

  test("of a node", () => {
    const object = {
      metadata: { name: "n", labels: { "node-role.kubernetes.io/control-plane": "" }, creationTimestamp: "2029-12-31T23:59:00Z" },
      spec: { unschedulable: true },
      status: { conditions: [{ type: "Ready", status: "True" }], addresses: [{ type: "InternalIP", address: "1.2.3.4" }], nodeInfo: { kubeletVersion: "v1" } },
    };
    expect(row("nodes", object)).toEqual([
      "n",
      "Ready,SchedulingDisabled",
      "control-plane",
      "60s",
      "v1",
      "1.2.3.4",
      "<none>",
      "<unknown>",
      "<unknown>",
      "<unknown>",
    ]);
  });

  test("of endpoints that are many", () => {
    const subsets = [{ addresses: ["1", "2", "3", "4", "5"].map((ip) => ({ ip })), ports: [{ port: 80 }] }];
    expect(row("endpoints", { subsets })[1]).toBe("1:80,2:80,3:80 + 2 more...");
  });

  test("of a job that has no number of completions", () =>
    expect(row("jobs.batch", { spec: { parallelism: 3, template: {} }, status: { succeeded: 1 } })[2]).toBe("1/1 of 3"));

  test("begin with the name, save for events", () => {
    expect([titles("pods")[0], titles("events")[0], titles("events").at(-1), titles("leases.coordination.k8s.io")]).toEqual([
      "Name",
      "Last Seen",
      "Name",
      ["Name", "Holder", "Age"],
    ]);
  });

  test("show every kind when it has nothing but a name", () => {
    const stored = resources.filter(({ verbs }) => verbs.includes("get"));
    const bare = { metadata: { name: "x", creationTimestamp: "2029-12-31T23:59:00Z" }, spec: {}, status: {}, type: "Opaque", revision: 1 };
    for (const resource of stored)
      for (const column of columnsOf(resource)) expect(() => column.cell(bare as any, now), `${resource.kind} ${column.name}`).not.toThrow();
  });
});
