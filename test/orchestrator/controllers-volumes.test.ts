import { describe, expect, test } from "vitest";
import type { Cluster, KubeObject } from "../../orchestrator/cluster.ts";
import { planClaim } from "../../orchestrator/controllers/volume-binder/plan-claim.ts";
import { volumeBinder } from "../../orchestrator/controllers/volume-binder/reconcile.ts";
import { planVolume } from "../../orchestrator/controllers/volume-binder/plan-volume.ts";
import { isClaimUsed } from "../../orchestrator/controllers/volume-protection.ts";
import { cannotProvision, fateOf, isAsked, wantsGrowth } from "../../orchestrator/controllers/volume-provisioner/plan.ts";
import { claimSpec } from "../../orchestrator/objects/immutable-storage.ts";
import { defaultClass } from "../../orchestrator/storage/classes.ts";
import { findVolume } from "../../orchestrator/storage/match.ts";
import { FakeClock } from "./fake-clock.ts";
import { at, meta, pod } from "./objects.ts";
import { bound, byController, claim, lazy, node, on, ref, storageClass, volume, type Parts } from "./storage-objects.ts";

describe("a claim finds", () => {
  const fits = volume("fits", "2Gi");
  const cases: readonly { name: string; claim?: KubeObject; volumes: readonly KubeObject[]; found: string | undefined; options?: object }[] = [
    { name: "the smallest that is large enough", volumes: [volume("large", "8Gi"), volume("less", "4Gi"), volume("small", "1Gi")], found: "less" },
    { name: "the one reserved for it before a smaller one", volumes: [fits, volume("mine", "8Gi", ref({ uid: "" }))], found: "mine" },
    { name: "no volume of an older claim of its name", volumes: [volume("old", "2Gi", ref({ uid: "uid-older" }))], found: undefined },
    { name: "no volume of another class", volumes: [volume("other", "2Gi", { storageClassName: "fast" })], found: undefined },
    { name: "no volume without a class when it has one", volumes: [volume("none", "2Gi", { storageClassName: undefined })], found: undefined },
    {
      name: "a volume without a class when it wants none",
      claim: claim({ storageClassName: "" }),
      volumes: [volume("none", "2Gi", { storageClassName: undefined })],
      found: "none",
    },
    { name: "no volume with fewer access modes", claim: claim({ accessModes: ["ReadWriteMany"] }), volumes: [fits], found: undefined },
    {
      name: "the one with the fewest access modes to spare",
      volumes: [volume("many", "2Gi", { accessModes: ["ReadWriteOnce", "ReadWriteMany"] }), volume("once", "4Gi")],
      found: "once",
    },
    { name: "no block volume for files", volumes: [volume("raw", "2Gi", { volumeMode: "Block" })], found: undefined },
    {
      name: "what its selector matches",
      claim: claim({ selector: { matchLabels: { tier: "fast" } } }),
      volumes: [fits, volume("fast", "4Gi", {}, { labels: { tier: "fast" } })],
      found: "fast",
    },
    { name: "nothing that is released", volumes: [volume("used", "2Gi", {}, { status: { phase: "Released" } })], found: undefined },
    { name: "nothing that is being deleted", volumes: [volume("going", "2Gi", {}, { deleting: true })], found: undefined },
    { name: "nothing yet when it waits for a consumer", volumes: [fits], options: { delayed: true }, found: undefined },
    { name: "what is reserved though it waits", volumes: [volume("mine", "2Gi", ref())], options: { delayed: true }, found: "mine" },
    {
      name: "what the consumer's node reaches",
      volumes: [volume("a", "2Gi", on("a")), volume("b", "4Gi", on("b"))],
      options: { delayed: true, node: node("b") },
      found: "b",
    },
    { name: "nothing that is spoken for", volumes: [fits], options: { taken: new Set(["fits"]) }, found: undefined },
  ];
  test.each(cases)("$name", ({ claim: wanting = claim(), volumes, options, found }) => {
    expect(findVolume(wanting, volumes, options)?.metadata.name).toBe(found);
  });
});

describe("the binder's plan for a claim", () => {
  const wait = (reason: string, message: unknown): object => ({ kind: "wait", event: expect.objectContaining({ reason, message }) });
  const bind = (name: string): object => ({ kind: "bind", volume: expect.objectContaining({ metadata: expect.objectContaining({ name }) }) });
  const fast = storageClass("fast");
  const cases: readonly {
    name: string;
    claim: KubeObject;
    volumes?: readonly KubeObject[];
    classes?: readonly KubeObject[];
    pods?: readonly KubeObject[];
    plan: object;
  }[] = [
    { name: "binds what fits, whether or not its class is there", claim: claim(), volumes: [volume("v", "2Gi")], plan: bind("v") },
    { name: "goes on with a bind that was cut off", claim: claim(), volumes: [volume("v", "2Gi", ref(), { status: { phase: "Bound" } })], plan: bind("v") },
    {
      name: "waits for volumes made by hand",
      claim: claim({ storageClassName: "" }),
      plan: wait("FailedBinding", "no persistent volumes available for this claim and no storage class is set"),
    },
    { name: "misses its class", claim: claim(), plan: wait("ProvisioningFailed", 'storageclass.storage.k8s.io "manual" not found') },
    {
      name: "asks the provisioner of its class",
      claim: claim({ storageClassName: "fast" }),
      classes: [fast],
      plan: { ...wait("ExternalProvisioning", expect.stringContaining("external provisioner 'strata.io/local-path'")), provisioner: "strata.io/local-path" },
    },
    {
      name: "cannot ask a class that provisions nothing",
      claim: claim({ storageClassName: "fast" }),
      classes: [storageClass("fast", { provisioner: "kubernetes.io/no-provisioner" })],
      plan: wait("ProvisioningFailed", "no volume plugin matched name: kubernetes.io/no-provisioner"),
    },
    {
      name: "waits for its first consumer",
      claim: claim({ storageClassName: "lazy" }),
      classes: [lazy],
      plan: wait("WaitForFirstConsumer", "waiting for first consumer to be created before binding"),
    },
    {
      name: "waits for its consumer to be scheduled",
      claim: claim({ storageClassName: "lazy" }),
      classes: [lazy],
      pods: [pod("web", { phase: "Pending", node: "" })],
      plan: wait("WaitForPodScheduled", "waiting for pod web to be scheduled"),
    },
    {
      name: "asks for a volume once its consumer has a node",
      claim: claim({ storageClassName: "lazy" }, { annotations: { "volume.kubernetes.io/selected-node": "a" } }),
      classes: [lazy],
      plan: { ...wait("ExternalProvisioning", expect.anything()), provisioner: "strata.io/local-path" },
    },
    {
      name: "takes the default class that came later",
      claim: claim({ storageClassName: undefined }),
      classes: [storageClass("fast", {}, { annotations: { "storageclass.kubernetes.io/is-default-class": "true" } })],
      plan: { kind: "assign", className: "fast" },
    },
    { name: "waits for the volume it names", claim: claim({ volumeName: "v" }), plan: { kind: "wait" } },
    { name: "binds the volume it names", claim: claim({ volumeName: "v" }), volumes: [volume("w", "2Gi"), volume("v", "9Gi")], plan: bind("v") },
    {
      name: "refuses a named volume that is too small",
      claim: claim({ volumeName: "v" }),
      volumes: [volume("v", "1Gi")],
      plan: wait("VolumeMismatch", 'Cannot bind to requested volume "v": requested PV is too small'),
    },
    {
      name: "refuses a named volume of another class",
      claim: claim({ volumeName: "v" }),
      volumes: [volume("v", "2Gi", { storageClassName: "fast" })],
      plan: wait("VolumeMismatch", 'Cannot bind to requested volume "v": storageClassName does not match'),
    },
    {
      name: "tells that the named volume is taken",
      claim: claim({ volumeName: "v" }),
      volumes: [volume("v", "2Gi", ref({ name: "other" }))],
      plan: wait("FailedBinding", 'volume "v" already bound to a different claim.'),
    },
    { name: "stays bound", claim: claim({ volumeName: "v" }, { annotations: bound }), volumes: [volume("v", "2Gi", ref())], plan: bind("v") },
    {
      name: "is lost without its volume, though others fit",
      claim: claim({ volumeName: "v" }, { annotations: bound }),
      volumes: [volume("w", "2Gi")],
      plan: { kind: "lost", event: expect.objectContaining({ reason: "ClaimLost" }) },
    },
    {
      name: "is lost when its volume is another's",
      claim: claim({ volumeName: "v" }, { annotations: bound }),
      volumes: [volume("v", "2Gi", ref({ uid: "uid-other" }))],
      plan: { kind: "lost", event: expect.objectContaining({ reason: "ClaimMisbound" }) },
    },
    { name: "gets nothing while it is being deleted", claim: claim({}, { deleting: true }), volumes: [volume("v", "2Gi")], plan: { kind: "wait" } },
  ];
  test.each(cases)("$name", ({ claim: one, volumes = [], classes = [], pods = [], plan }) => {
    expect(planClaim(one, { volumes, classes, pods })).toEqual(plan);
  });
});

describe("the binder's plan for a volume", () => {
  const phase = (name: string): object => ({ kind: "phase", phase: name });
  const failed = (reason: string): object => expect.objectContaining({ kind: "phase", phase: "Failed", event: expect.objectContaining({ reason }) });
  const provisioned = { "pv.kubernetes.io/provisioned-by": "strata.io/local-path" };
  const policy = (persistentVolumeReclaimPolicy: string): object => ({ ...ref(), persistentVolumeReclaimPolicy });
  const named = (volumeName: string): KubeObject => claim({ volumeName });
  const cases: readonly { name: string; volume: KubeObject; claim?: KubeObject; plan: object }[] = [
    { name: "free", volume: volume("v", "2Gi"), plan: phase("Available") },
    { name: "reserved by hand", volume: volume("v", "2Gi", ref({ uid: "" })), plan: phase("Available") },
    { name: "bound", volume: volume("v", "2Gi", ref()), claim: named("v"), plan: phase("Bound") },
    { name: "reserved, its claim not yet told", volume: volume("v", "2Gi", ref()), claim: claim(), plan: { kind: "await claim" } },
    { name: "released, to be kept", volume: volume("v", "2Gi", policy("Retain")), plan: phase("Released") },
    {
      name: "released by a claim that came again",
      volume: volume("v", "2Gi", policy("Retain")),
      claim: claim({ volumeName: "v" }, { uid: "uid-newer" }),
      plan: phase("Released"),
    },
    { name: "released, for its provisioner to delete", volume: volume("v", "2Gi", policy("Delete"), { annotations: provisioned }), plan: phase("Released") },
    { name: "made by hand, never deleted from here", volume: volume("v", "2Gi", policy("Delete")), plan: failed("VolumeFailedDelete") },
    { name: "never recycled", volume: volume("v", "2Gi", policy("Recycle")), plan: failed("VolumeFailedRecycle") },
    {
      name: "passed over by its claim",
      volume: volume("v", "2Gi", ref(), { annotations: byController }),
      claim: named("w"),
      plan: { kind: "unbind", whole: true },
    },
    { name: "passed over, though reserved by hand", volume: volume("v", "2Gi", ref()), claim: named("w"), plan: { kind: "unbind", whole: false } },
    { name: "made in vain", volume: volume("v", "2Gi", policy("Delete"), { annotations: provisioned }), claim: named("w"), plan: phase("Released") },
  ];
  test.each(cases)("$name", ({ volume: one, claim: its, plan }) => expect(planVolume(one, its)).toEqual(plan));
});

describe("the provisioner", () => {
  const place = { node: "here", folder: "/data/volumes" };
  const asked = { "volume.kubernetes.io/storage-provisioner": "strata.io/local-path" };
  const selected = (name: string): Parts => ({ annotations: { ...asked, "volume.kubernetes.io/selected-node": name } });
  const claims = [
    { name: "makes what is asked of it", claim: claim({}, { annotations: asked }), of: storageClass("manual"), is: true },
    { name: "leaves what nobody asked for", claim: claim(), of: storageClass("manual"), is: false },
    { name: "leaves another's class", claim: claim({}, { annotations: asked }), of: storageClass("manual", { provisioner: "example.com/nfs" }), is: false },
    { name: "leaves what has a volume", claim: claim({ volumeName: "v" }, { annotations: asked }), of: storageClass("manual"), is: false },
    { name: "leaves what is being deleted", claim: claim({}, { annotations: asked, deleting: true }), of: storageClass("manual"), is: false },
    { name: "waits for a node", claim: claim({}, { annotations: asked }), of: lazy, is: false },
    { name: "makes what is wanted on its node", claim: claim({}, selected("here")), of: lazy, is: true },
    { name: "leaves what is wanted elsewhere", claim: claim({}, selected("there")), of: lazy, is: false },
  ];
  test.each(claims)("$name", ({ claim: one, of, is }) => expect(isAsked(one, of, place)).toBe(is));

  test.each([
    { what: "an empty folder", spec: {}, problem: undefined },
    {
      what: "a copy",
      spec: { dataSource: { kind: "PersistentVolumeClaim", name: "old" } },
      problem: expect.stringContaining('a copy of PersistentVolumeClaim "old"'),
    },
    {
      what: "a snapshot restored",
      spec: { dataSourceRef: { kind: "VolumeSnapshot", name: "s" } },
      problem: expect.stringContaining('a copy of VolumeSnapshot "s"'),
    },
    { what: "a block device", spec: { volumeMode: "Block" }, problem: expect.stringContaining("block volumes") },
    { what: "a selection", spec: { selector: {} }, problem: "claim.Spec.Selector is not supported" },
  ])("says of $what whether it can be had", ({ spec, problem }) => expect(cannotProvision(claim(spec))).toEqual(problem));

  const name = "pvc-12345678-1234-1234-1234-123456789abc";
  const made = (path: string, policy: string, parts: Parts, title = name): KubeObject =>
    volume(
      title,
      "2Gi",
      { local: { path }, persistentVolumeReclaimPolicy: policy },
      { annotations: { "pv.kubernetes.io/provisioned-by": "strata.io/local-path" }, ...parts },
    );
  const released: Parts = { status: { phase: "Released" } };
  const own = `/data/volumes/${name}`;
  const fates = [
    { name: "removes what is released", volume: made(own, "Delete", released), fate: { kind: "remove", path: own } },
    { name: "keeps what is bound", volume: made(own, "Delete", { status: { phase: "Bound" } }), fate: { kind: "keep" } },
    {
      name: "keeps what is bound, though its object is being deleted",
      volume: made(own, "Delete", { status: { phase: "Bound" }, deleting: true }),
      fate: { kind: "keep" },
    },
    { name: "keeps what is to be kept", volume: made(own, "Retain", released), fate: { kind: "keep" } },
    {
      name: "lets go of what is to be kept when its object is deleted",
      volume: made(own, "Retain", { ...released, deleting: true }),
      fate: { kind: "let go" },
    },
    { name: "keeps what others provisioned", volume: volume("v", "2Gi", { persistentVolumeReclaimPolicy: "Delete" }, released), fate: { kind: "keep" } },
    { name: "touches no path of another place", volume: made("/etc", "Delete", released), fate: expect.objectContaining({ kind: "refuse" }) },
    {
      name: "touches nothing that it does not name so",
      volume: made("/data/volumes/mine", "Delete", released, "mine"),
      fate: expect.objectContaining({ kind: "refuse" }),
    },
  ];
  test.each(fates)("$name", ({ volume: one, fate }) => expect(fateOf(one, place)).toEqual(fate));

  test.each([
    { name: "a bound claim that asks for more", status: { phase: "Bound", capacity: { storage: "1Gi" } }, grows: true },
    { name: "a bound claim that has enough", status: { phase: "Bound", capacity: { storage: "4Gi" } }, grows: false },
    { name: "a lost claim", status: { phase: "Lost", capacity: { storage: "1Gi" } }, grows: false },
  ])("lets $name grow: $grows", ({ status, grows }) => expect(wantsGrowth(claim({ volumeName: "v" }, { annotations: bound, status }))).toBe(grows));
});

test("a claim that waits is told of once, and again when that was long ago", async () => {
  const one = claim();
  const told: string[] = [];
  const clock = new FakeClock();
  const cluster = { get: () => one, list: () => [], modify: async () => await Promise.resolve(one) } as unknown as Cluster;
  const binder = volumeBinder({ cluster, clock, recorder: { record: (_, __, reason) => void told.push(reason) } });
  const look = async (): Promise<unknown> => await binder.reconcile({ namespace: "default", name: "data" });
  await look();
  expect(await look()).toEqual({ requeueAfter: 300_000 });
  expect(told).toEqual(["ProvisioningFailed"]);
  await clock.advance(300_000);
  await look();
  expect(told).toEqual(["ProvisioningFailed", "ProvisioningFailed"]);
});

test("of several default classes the newest counts", () => {
  const standard = (name: string, seconds: number): KubeObject => {
    const made = storageClass(name, {}, { annotations: { "storageclass.kubernetes.io/is-default-class": "true" } });
    return { ...made, metadata: { ...made.metadata, creationTimestamp: at(seconds) } };
  };
  expect(defaultClass([standard("old", -100), standard("new", -10), storageClass("plain")])?.metadata.name).toBe("new");
});

describe("a claim is in use", () => {
  const volumes = [{ name: "d", persistentVolumeClaim: { claimName: "data" } }];
  const own = { ...claim(), metadata: meta("web-d", { ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "web", uid: "uid-web", controller: true }] }) };
  const scratch = [{ name: "d", ephemeral: {} }];
  test.each([
    { name: "by a running pod", pods: [pod("web", { spec: { volumes, nodeName: "a" } })], used: true },
    { name: "by a pod that has ended and is still there", pods: [pod("web", { phase: "Succeeded", spec: { volumes, nodeName: "a" } })], used: true },
    { name: "by no pod without a node", pods: [pod("web", { node: "", spec: { volumes } })], used: false },
    { name: "by no pod with other claims", pods: [pod("web", { spec: { volumes: [], nodeName: "a" } })], used: false },
    { name: "by the pod whose scratch it is", claim: own, pods: [pod("web", { spec: { volumes: scratch, nodeName: "a" } })], used: true },
    {
      name: "by no stranger that would call its scratch so",
      claim: { ...claim(), metadata: meta("web-d") },
      pods: [pod("web", { spec: { volumes: scratch, nodeName: "a" } })],
      used: false,
    },
  ])("$name: $used", ({ claim: one = claim(), pods, used }) => expect(isClaimUsed(one, pods)).toBe(used));
});

describe("a claim's spec", () => {
  const frozen = [expect.objectContaining({ field: "spec" })];
  const status = { phase: "Bound", capacity: { storage: "2Gi" } };
  const asks = (storage: string): object => ({ resources: { requests: { storage } } });
  test.each([
    { name: "stays as it is", before: claim(), after: {}, errors: [] },
    { name: "keeps its access modes", before: claim(), after: { accessModes: ["ReadWriteMany"] }, errors: frozen },
    { name: "keeps its request while it is not bound", before: claim(), after: asks("4Gi"), errors: frozen },
    { name: "may ask for more once it is bound", before: claim({ volumeName: "v" }, { status }), after: asks("4Gi"), errors: [] },
    {
      name: "may not ask for less than it has",
      before: claim({ volumeName: "v" }, { status }),
      after: asks("1Gi"),
      errors: [expect.objectContaining({ field: "spec.resources.requests.storage" })],
    },
    { name: "may take back a wish that was not met", before: claim({ volumeName: "v", ...asks("9Gi") }, { status }), after: asks("3Gi"), errors: [] },
    { name: "gets its volume once", before: claim(), after: { volumeName: "v" }, errors: [] },
    { name: "keeps its volume", before: claim({ volumeName: "v" }, { status }), after: { volumeName: "w" }, errors: frozen },
    { name: "gets its class once", before: claim({ storageClassName: undefined }), after: { storageClassName: "fast" }, errors: [] },
    { name: "keeps its class", before: claim(), after: { storageClassName: "fast" }, errors: frozen },
  ])("$name", ({ before, after, errors }) => expect(claimSpec(before, { ...before, spec: { ...before.spec, ...after } })).toEqual(errors));
});
