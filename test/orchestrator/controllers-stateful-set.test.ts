import { describe, expect, test } from "vitest";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { draftMember, type Revision } from "../../orchestrator/controllers/stateful-set/identity.ts";
import { planStatefulSet, type Action } from "../../orchestrator/controllers/stateful-set/plan.ts";
import { statefulSetStatus } from "../../orchestrator/controllers/stateful-set/status.ts";
import { controllerReference } from "../../orchestrator/controllers/owner.ts";
import { meta, NOW, pod, statefulSet, type PodOptions } from "./objects.ts";

const template = { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "main", image: "web:v1" }] } };
const v1: Revision = { name: "web-v1", template };
const v2: Revision = { name: "web-v2", template: { ...template, spec: { containers: [{ name: "main", image: "web:v2" }] } } };

/** `0`: a good pod of the first revision; `2:v2,unready` and the like. */
function member(text: string): KubeObject {
  const [ordinal = "", flags = ""] = text.split(":");
  const has = (flag: string): boolean => flags.split(",").includes(flag);
  const options: PodOptions = {
    labels: {
      app: "web",
      "statefulset.kubernetes.io/pod-name": `web-${ordinal}`,
      "apps.kubernetes.io/pod-index": ordinal,
      "controller-revision-hash": has("v2") ? "web-v2" : "web-v1",
    },
    ready: !has("unready") && !has("pending") && !has("failed") && !has("succeeded"),
    deleting: has("deleting"),
    phase: has("pending") ? "Pending" : has("failed") ? "Failed" : has("succeeded") ? "Succeeded" : "Running",
    readyFor: has("fresh") ? 5 : 600,
  };
  return pod(`web-${ordinal}`, options);
}

const members = (text: string): readonly KubeObject[] => (text === "" ? [] : text.split(" ").map(member));

function told(action: Action): string {
  switch (action.kind) {
    case "create":
      return `create ${action.pod.metadata.name} ${action.pod.metadata.labels?.["controller-revision-hash"]}`;
    case "claim":
      return `claim ${action.claims.map(({ metadata }) => metadata.name).join(",")}`;
    case "own":
      return `own ${action.claim.metadata.name} ${(action.claim.metadata.ownerReferences ?? []).map((owner) => `${owner.kind}/${owner.name}`).join(",")}`;
    case "refuse":
      return `refuse ${action.pod} ${action.claim}`;
    case "delete":
    case "identify":
      return `${action.kind} ${action.pod.metadata.name}`;
  }
}

interface Case {
  readonly name: string;
  readonly replicas?: number;
  readonly spec?: object;
  readonly status?: object;
  readonly pods: string;
  readonly claims?: readonly KubeObject[];
  /** The first revision is the set's template; else a rollout to the second is under way. */
  readonly settled?: boolean;
  readonly want: readonly string[];
}

function actions({ replicas = 3, spec = {}, status = {}, pods, claims = [], settled = true }: Omit<Case, "name" | "want">): readonly string[] {
  const set = { ...statefulSet("web", replicas, spec), status };
  return planStatefulSet(set, { pods: members(pods), claims, current: v1, update: settled ? v1 : v2 }, NOW).map(told);
}

const parallel = { podManagementPolicy: "Parallel" };
const partition = (from: number, more: object = {}): object => ({ updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: from, ...more } } });

const scaling: readonly Case[] = [
  { name: "begins with its first pod alone", pods: "", want: ["create web-0 web-v1"] },
  { name: "makes the next when the one before is ready", pods: "0", want: ["create web-1 web-v1"] },
  { name: "waits for a pod that is not ready", pods: "0 1:unready", want: [] },
  { name: "waits for a pod that is pending", pods: "0:pending", want: [] },
  { name: "waits for a pod that is being deleted", pods: "0 1:deleting", want: [] },
  { name: "waits until a ready pod is available", spec: { minReadySeconds: 30 }, pods: "0:fresh", want: [] },
  { name: "goes on once it is available", spec: { minReadySeconds: 30 }, pods: "0", want: ["create web-1 web-v1"] },
  { name: "makes a lost pod again before those above it", pods: "0 2", want: ["create web-1 web-v1"] },
  { name: "makes all at once when Parallel", spec: parallel, pods: "1:unready", want: ["create web-0 web-v1", "create web-2 web-v1"] },
  { name: "counts from ordinals.start", spec: { ordinals: { start: 5 } }, replicas: 2, pods: "5", want: ["create web-6 web-v1"] },
  { name: "removes a pod below ordinals.start", spec: { ordinals: { start: 1 } }, replicas: 2, pods: "0 1 2", want: ["delete web-0"] },
  { name: "replaces a failed pod by deleting it first", pods: "0 1:failed 2", want: ["delete web-1"] },
  { name: "replaces a pod that ended well too", pods: "0:succeeded", want: ["delete web-0"] },
  { name: "scales down from the top, one at a time", replicas: 1, pods: "0 1 2", want: ["delete web-2"] },
  { name: "waits for the one that goes before the next goes", replicas: 1, pods: "0 1 2:deleting", want: [] },
  { name: "scales down to none", replicas: 0, pods: "0", want: ["delete web-0"] },
  { name: "does not scale down while a pod below is unwell", replicas: 1, pods: "0:unready 1 2", want: [] },
  { name: "does not remove an unready pod while another below it is unready", replicas: 1, pods: "0 1:unready 2:unready", want: [] },
  { name: "removes the unready pod when all below are well", replicas: 1, pods: "0 1 2:unready", want: ["delete web-2"] },
  { name: "scales down all at once when Parallel", spec: parallel, replicas: 1, pods: "0:unready 1 2", want: ["delete web-2", "delete web-1"] },
  { name: "does nothing when all is well", pods: "0 1 2", want: [] },
];
test.each(scaling)("a StatefulSet $name", ({ want, ...given }) => expect(actions(given)).toEqual(want));

const rolling: readonly Case[] = [
  { name: "replaces the highest ordinal first", pods: "0 1 2", want: ["delete web-2"] },
  { name: "goes on to the next when that is ready", pods: "0 1 2:v2", want: ["delete web-1"] },
  { name: "waits for the new pod to get ready", pods: "0 1 2:v2,unready", want: [] },
  { name: "stops at the partition", spec: partition(2), pods: "0 1 2:v2", want: [] },
  { name: "makes a lost pod below the partition in the old revision", spec: partition(2), pods: "0 2:v2", want: ["create web-1 web-v1"] },
  { name: "makes a lost pod above the partition in the new one", spec: partition(1), pods: "0 2:v2", want: ["create web-1 web-v2"] },
  { name: "counts the partition from ordinals.start", spec: { ordinals: { start: 4 }, ...partition(2) }, pods: "4 5 6", want: ["delete web-6"] },
  { name: "leaves pods to their owner with OnDelete", spec: { updateStrategy: { type: "OnDelete" } }, pods: "0 1 2", want: [] },
  {
    name: "makes a pod deleted by hand in the new revision with OnDelete",
    spec: { updateStrategy: { type: "OnDelete" } },
    status: { currentReplicas: 3 },
    pods: "0 2",
    want: ["create web-1 web-v2"],
  },
  { name: "scales before it updates", replicas: 2, pods: "0 1 2", want: ["delete web-2"] },
  { name: "updates one by one when Parallel, too", spec: parallel, pods: "0 1 2:v2,unready", want: [] },
  { name: "replaces an unready old pod when Parallel", spec: parallel, pods: "0 1 2:unready", want: ["delete web-2"] },
  { name: "replaces a failed old pod once", spec: parallel, pods: "0 1 2:failed", want: ["delete web-2"] },
  { name: "replaces as many as maxUnavailable says", spec: partition(0, { maxUnavailable: 2 }), pods: "0 1 2", want: ["delete web-2", "delete web-1"] },
  { name: "rounds maxUnavailable down", spec: partition(0, { maxUnavailable: "67%" }), pods: "0 1 2", want: ["delete web-2", "delete web-1"] },
  { name: "rounds maxUnavailable to one at least", spec: partition(0, { maxUnavailable: "10%" }), pods: "0 1 2", want: ["delete web-2"] },
  {
    name: "counts what is missing already against maxUnavailable",
    spec: { ...parallel, ...partition(0, { maxUnavailable: 2 }) },
    pods: "0 1 2:v2,unready",
    want: ["delete web-1"],
  },
  {
    name: "frees old pods that serve nobody beyond maxUnavailable",
    spec: { ...parallel, ...partition(0, { maxUnavailable: 1 }) },
    pods: "0 1:unready 2:v2,unready",
    want: ["delete web-1"],
  },
];
test.each(rolling)("a rolling StatefulSet $name", ({ want, ...given }) => expect(actions({ ...given, settled: false })).toEqual(want));

const volumeClaimTemplates = [{ metadata: { name: "www" }, spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } }];
const retention = (whenDeleted: string, whenScaled: string): object => ({
  volumeClaimTemplates,
  persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled },
});

function claim(ordinal: number, more: { readonly owner?: "set" | "pod" | "earlier pod" | "stranger"; readonly deleting?: boolean } = {}): KubeObject {
  const owners: Readonly<Record<string, KubeObject>> = {
    set: statefulSet("web", 3),
    pod: pod(`web-${ordinal}`),
    "earlier pod": { ...pod(`web-${ordinal}`), metadata: { ...pod(`web-${ordinal}`).metadata, uid: "earlier" } },
    stranger: { ...statefulSet("other", 1), kind: "Tenant" },
  };
  const owner = more.owner === undefined ? undefined : owners[more.owner];
  const metadata = meta(`www-web-${ordinal}`, {
    ...(owner === undefined ? {} : { ownerReferences: [controllerReference(owner)] }),
    ...(more.deleting === true ? { deletionTimestamp: "2030-01-01T00:00:00Z" } : {}),
  });
  return { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata, spec: {} };
}

const storage: readonly Case[] = [
  { name: "uses the claim of an earlier pod of the name", spec: { volumeClaimTemplates }, pods: "", claims: [claim(0)], want: ["create web-0 web-v1"] },
  { name: "makes the missing claim of a pod that waits", spec: { volumeClaimTemplates }, pods: "0:pending", want: ["claim www-web-0"] },
  {
    name: "refuses a claim that is being deleted",
    spec: { volumeClaimTemplates },
    pods: "",
    claims: [claim(0, { deleting: true })],
    want: ["refuse web-0 www-web-0"],
  },
  {
    name: "waits for a claim that goes with an earlier pod",
    spec: retention("Retain", "Delete"),
    pods: "",
    claims: [claim(0, { owner: "earlier pod" })],
    want: [],
  },
  {
    name: "owns its claims when they go with it",
    spec: retention("Delete", "Retain"),
    replicas: 1,
    pods: "0",
    claims: [claim(0)],
    want: ["own www-web-0 StatefulSet/web"],
  },
  {
    name: "lets them go when they no longer do",
    spec: retention("Retain", "Retain"),
    replicas: 1,
    pods: "0",
    claims: [claim(0, { owner: "set" })],
    want: ["own www-web-0 "],
  },
  {
    name: "gives the claim of a pod that is scaled away to the pod",
    spec: retention("Retain", "Delete"),
    replicas: 1,
    pods: "0 1",
    claims: [claim(0), claim(1)],
    want: ["own www-web-1 Pod/web-1", "delete web-1"],
  },
  {
    name: "gives it to the pod instead of itself when both policies delete",
    spec: retention("Delete", "Delete"),
    replicas: 1,
    pods: "0 1",
    claims: [claim(0, { owner: "set" }), claim(1, { owner: "set" })],
    want: ["own www-web-1 Pod/web-1", "delete web-1"],
  },
  {
    name: "takes it back when the pod is wanted again",
    spec: retention("Retain", "Delete"),
    replicas: 2,
    pods: "0 1",
    claims: [claim(0), claim(1, { owner: "pod" })],
    want: ["own www-web-1 "],
  },
  {
    name: "keeps the claims of scaled pods by default",
    spec: { volumeClaimTemplates },
    replicas: 1,
    pods: "0 1",
    claims: [claim(0), claim(1)],
    want: ["delete web-1"],
  },
  {
    name: "leaves a claim that a stranger controls",
    spec: retention("Delete", "Delete"),
    replicas: 1,
    pods: "0",
    claims: [claim(0, { owner: "stranger" })],
    want: [],
  },
];
test.each(storage)("a StatefulSet with storage $name", ({ want, ...given }) => expect(actions(given)).toEqual(want));

describe("a StatefulSet's pod", () => {
  const set = statefulSet("web", 3, { volumeClaimTemplates });

  test("has the name, host name, subdomain, labels and volumes of its ordinal", () => {
    const draft = draftMember(
      set,
      {
        ...v1,
        template: {
          ...template,
          spec: {
            ...template.spec,
            volumes: [
              { name: "www", emptyDir: {} },
              { name: "tmp", emptyDir: {} },
            ],
          },
        },
      },
      2,
    );
    expect(draft.metadata).toMatchObject({
      name: "web-2",
      namespace: "default",
      labels: {
        app: "web",
        "statefulset.kubernetes.io/pod-name": "web-2",
        "apps.kubernetes.io/pod-index": "2",
        "controller-revision-hash": "web-v1",
      },
      ownerReferences: [{ kind: "StatefulSet", name: "web", controller: true, blockOwnerDeletion: true }],
    });
    expect(draft["spec"]).toMatchObject({
      hostname: "web-2",
      subdomain: "nginx",
      volumes: [
        { name: "www", persistentVolumeClaim: { claimName: "www-web-2" } },
        { name: "tmp", emptyDir: {} },
      ],
    });
  });

  test("comes with its claims, labelled by the set's selector and owned as the policy says", () => {
    const owned = statefulSet("web", 1, retention("Delete", "Retain"));
    const [create] = planStatefulSet(owned, { pods: [], claims: [], current: v1, update: v1 }, NOW);
    expect(create).toMatchObject({
      kind: "create",
      claims: [
        {
          kind: "PersistentVolumeClaim",
          metadata: { name: "www-web-0", labels: { app: "web" }, ownerReferences: [{ kind: "StatefulSet", name: "web" }] },
          spec: { accessModes: ["ReadWriteOnce"] },
        },
      ],
    });
  });

  test("gets back the labels that were taken from it", () => {
    const bare = pod("web-0", { labels: { app: "web", "controller-revision-hash": "web-v1" } });
    const [identify] = planStatefulSet(statefulSet("web", 1), { pods: [bare], claims: [], current: v1, update: v1 }, NOW);
    expect(identify).toMatchObject({
      kind: "identify",
      pod: { metadata: { labels: { "apps.kubernetes.io/pod-index": "0", "statefulset.kubernetes.io/pod-name": "web-0" } } },
    });
  });
});

describe("a StatefulSet's status", () => {
  const status = (replicas: number, pods: string, spec: object = {}) =>
    statefulSetStatus(statefulSet("web", replicas, spec), { pods: members(pods), current: "web-v1", update: "web-v2", collisions: 0, now: NOW });

  test("counts pods by revision and by how they are", () => {
    expect(status(4, "0 1:unready 2:v2 3:v2,deleting")).toEqual({
      observedGeneration: 1,
      replicas: 4,
      readyReplicas: 3,
      currentReplicas: 2,
      updatedReplicas: 1,
      currentRevision: "web-v1",
      updateRevision: "web-v2",
      collisionCount: 0,
      availableReplicas: 3,
    });
  });

  test("makes the new revision the current one when all pods have it and are ready", () => {
    expect(status(2, "0:v2 1:v2")).toMatchObject({ currentRevision: "web-v2", currentReplicas: 2, updatedReplicas: 2 });
    expect(status(2, "0:v2 1:v2,unready")).toMatchObject({ currentRevision: "web-v1" });
    expect(status(2, "0:v2 1"), "a partition holds it back").toMatchObject({ currentRevision: "web-v1", updatedReplicas: 1 });
    expect(status(2, "0:v2 1:v2", { updateStrategy: { type: "OnDelete" } })).toMatchObject({ currentRevision: "web-v1" });
  });

  test("counts a pod as available after minReadySeconds", () => {
    expect(status(2, "0:fresh 1", { minReadySeconds: 30 })).toMatchObject({ readyReplicas: 2, availableReplicas: 1 });
  });
});
