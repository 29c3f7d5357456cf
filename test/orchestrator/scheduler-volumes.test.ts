import { describe, expect, test } from "vitest";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { planVolumes, volumeNeeds, volumeObjections } from "../../orchestrator/scheduler/volumes.ts";
import { meta, pod } from "./objects.ts";
import { bound, claim, lazy, node, on, ref, storageClass, volume } from "./storage-objects.ts";

describe("the scheduler's view of volumes", () => {
  const user = pod("web", { node: "", spec: { volumes: [{ name: "d", persistentVolumeClaim: { claimName: "data" } }] } });
  function world(objects: Readonly<Record<string, readonly KubeObject[]>>): Parameters<typeof volumeNeeds>[1] {
    const list = (resource: string): readonly KubeObject[] => objects[resource] ?? [];
    return { list, get: (resource, key) => list(resource).find(({ metadata }) => metadata.name === key.name) };
  }
  const boundClaim = (spec: object = {}): KubeObject => claim({ volumeName: "v", ...spec }, { annotations: bound, status: { phase: "Bound" } });
  const here = [volume("v", "2Gi", { ...ref(), ...on("a") })];

  test.each([
    { name: "a claim that is not there", claims: [], says: 'persistentvolumeclaim "data" not found' },
    { name: "a claim that is not bound", claims: [claim()], says: "pod has unbound immediate PersistentVolumeClaims" },
    { name: "a claim that is going", claims: [claim({}, { deleting: true })], says: 'persistentvolumeclaim "data" is being deleted' },
    {
      name: "a claim that is lost",
      claims: [claim({ volumeName: "v" }, { status: { phase: "Lost" } })],
      says: 'persistentvolumeclaim "data" bound to non-existent persistentvolume "v"',
    },
  ])("holds a pod back for $name", ({ claims, says }) => {
    expect(volumeNeeds(user, world({ persistentvolumeclaims: claims }))).toEqual({ refused: says });
  });

  test("waits for the claim of an ephemeral volume, and takes no stranger's", () => {
    const own = pod("web", { node: "", spec: { volumes: [{ name: "d", ephemeral: { volumeClaimTemplate: {} } }] } });
    expect(volumeNeeds(own, world({}))).toEqual({ refused: 'waiting for ephemeral volume controller to create the persistentvolumeclaim "web-d"' });
    const stranger = { ...claim(), metadata: meta("web-d") };
    expect(volumeNeeds(own, world({ persistentvolumeclaims: [stranger] }))).toEqual({ refused: expect.stringContaining("(pod is not owner)") });
  });

  function objectionsOn(name: string, objects: Readonly<Record<string, readonly KubeObject[]>>): readonly string[] {
    const needs = volumeNeeds(user, world(objects));
    if (needs === undefined || "refused" in needs) throw new Error("refused on every node");
    return volumeObjections(needs, node(name));
  }
  const lazyClaim = claim({ storageClassName: "lazy" });
  const fixed = storageClass("lazy", { volumeBindingMode: "WaitForFirstConsumer", provisioner: "kubernetes.io/no-provisioner" });
  const placed = (name: string): KubeObject =>
    pod(name, { node: "a", spec: { volumes: [{ name: "d", persistentVolumeClaim: { claimName: "data" } }], nodeName: "a" } });
  const single = boundClaim({ accessModes: ["ReadWriteOncePod"] });
  test.each([
    { name: "the node of its volume", on: "a", objects: { persistentvolumeclaims: [boundClaim()], persistentvolumes: here }, says: [] },
    {
      name: "another node",
      on: "b",
      objects: { persistentvolumeclaims: [boundClaim()], persistentvolumes: here },
      says: ["node(s) had volume node affinity conflict"],
    },
    { name: "any node for a volume to be made", on: "b", objects: { persistentvolumeclaims: [lazyClaim], "storageclasses.storage.k8s.io": [lazy] }, says: [] },
    {
      name: "no node outside the class's topology",
      on: "b",
      objects: {
        persistentvolumeclaims: [lazyClaim],
        "storageclasses.storage.k8s.io": [{ ...lazy, allowedTopologies: [{ matchLabelExpressions: [{ key: "kubernetes.io/hostname", values: ["a"] }] }] }],
      },
      says: ["node(s) didn't find available persistent volumes to bind"],
    },
    {
      name: "no node without a volume of a class that makes none",
      on: "a",
      objects: { persistentvolumeclaims: [lazyClaim], "storageclasses.storage.k8s.io": [fixed] },
      says: ["node(s) didn't find available persistent volumes to bind"],
    },
    {
      name: "a node where another has the claim to itself",
      on: "a",
      objects: { persistentvolumeclaims: [single], persistentvolumes: here, pods: [placed("holder")] },
      says: ["node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"],
    },
  ])("offers $name", ({ on: name, objects, says }) => expect(objectionsOn(name, objects)).toEqual(says));

  test("gives two claims of one pod two volumes, the smaller claim first", () => {
    const other = { ...claim({ storageClassName: "lazy", resources: { requests: { storage: "4Gi" } } }), metadata: meta("more") };
    const volumes = [volume("large", "8Gi", { storageClassName: "lazy" }), volume("small", "4Gi", { storageClassName: "lazy" })];
    const both = pod("web", { node: "", spec: { volumes: ["data", "more"].map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })) } });
    const needs = volumeNeeds(
      both,
      world({ persistentvolumeclaims: [other, lazyClaim], persistentvolumes: volumes, "storageclasses.storage.k8s.io": [fixed] }),
    );
    if (needs === undefined || "refused" in needs) throw new Error("refused");
    expect(planVolumes(needs, node("a"))?.map((choice) => [choice.claim.metadata.name, choice.volume?.metadata.name])).toEqual([
      ["data", "small"],
      ["more", "large"],
    ]);
  });
});
