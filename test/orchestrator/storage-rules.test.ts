import { describe, expect, test } from "vitest";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { validateChange } from "../../orchestrator/objects/immutable.ts";
import { resourceOfKind } from "../../orchestrator/schema/resources.ts";
import { validate } from "../../orchestrator/schema/validate.ts";
import { claim, on, storageClass, volume } from "./storage-objects.ts";

const made = (spec: object = {}): KubeObject => volume("v", "1Gi", { hostPath: { path: "/srv/v" }, ...spec });

function resourceOf({ apiVersion, kind }: KubeObject): Parameters<typeof validate>[0] {
  const resource = resourceOfKind(apiVersion, kind);
  if (resource === undefined) throw new Error(`no resource of ${kind}`);
  return resource;
}

const words = (errors: readonly { readonly field: string; readonly message: string }[]): readonly string[] =>
  errors.map(({ field, message }) => `${field}: ${message}`);

const modes = '"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"';
const invalid: readonly { name: string; object: KubeObject; says: readonly string[] }[] = [
  { name: "a plain claim", object: claim(), says: [] },
  { name: "a claim without access modes", object: claim({ accessModes: [] }), says: ["spec.accessModes: Required value: at least 1 access mode is required"] },
  {
    name: "an access mode that is none",
    object: claim({ accessModes: ["Sometimes"] }),
    says: [`spec.accessModes: Unsupported value: "Sometimes": supported values: ${modes}`],
  },
  {
    name: "one pod alone, and more",
    object: claim({ accessModes: ["ReadWriteOncePod", "ReadWriteMany"] }),
    says: ["spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes"],
  },
  { name: "a claim without a request", object: claim({ resources: {} }), says: ["spec.resources[storage]: Required value"] },
  {
    name: "a claim for nothing",
    object: claim({ resources: { requests: { storage: "0" } } }),
    says: ['spec.resources[storage]: Invalid value: "0": must be greater than zero'],
  },
  {
    name: "a mode of volume that is none",
    object: claim({ volumeMode: "Tape" }),
    says: ['spec.volumeMode: Unsupported value: "Tape": supported values: "Block", "Filesystem"'],
  },
  { name: "a plain volume", object: made(), says: [] },
  { name: "a volume without capacity", object: made({ capacity: undefined }), says: ["spec.capacity: Required value"] },
  { name: "a volume without access modes", object: made({ accessModes: undefined }), says: ["spec.accessModes: Required value"] },
  { name: "a volume of nothing", object: made({ hostPath: undefined }), says: ["spec: Required value: must specify a volume type"] },
  {
    name: "a volume of two things",
    object: made({ local: { path: "/srv/w" }, ...on("here") }),
    says: ["spec.local: Forbidden: may not specify more than 1 volume type"],
  },
  {
    name: "a local volume of no node",
    object: made({ hostPath: undefined, local: { path: "/srv/v" } }),
    says: ["spec.nodeAffinity: Required value: Local volume requires node affinity"],
  },
  {
    name: "a volume that climbs",
    object: made({ hostPath: { path: "/srv/../etc" } }),
    says: [`spec.hostPath.path: Invalid value: "/srv/../etc": must not contain '..'`],
  },
  {
    name: "an unknown reclaim policy",
    object: made({ persistentVolumeReclaimPolicy: "Burn" }),
    says: ['spec.persistentVolumeReclaimPolicy: Unsupported value: "Burn": supported values: "Delete", "Recycle", "Retain"'],
  },
  {
    name: "the whole machine, to be recycled",
    object: made({ hostPath: { path: "/" }, persistentVolumeReclaimPolicy: "Recycle" }),
    says: ["spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'"],
  },
  { name: "a class without a provisioner", object: storageClass("c", { provisioner: "" }), says: ["provisioner: Required value"] },
  {
    name: "a class that recycles",
    object: storageClass("c", { reclaimPolicy: "Recycle" }),
    says: ['reclaimPolicy: Unsupported value: "Recycle": supported values: "Delete", "Retain"'],
  },
  {
    name: "a class that binds at some time",
    object: storageClass("c", { volumeBindingMode: "Later" }),
    says: ['volumeBindingMode: Unsupported value: "Later": supported values: "Immediate", "WaitForFirstConsumer"'],
  },
];
test.each(invalid)("$name: $says", ({ object, says }) => expect(words(validate(resourceOf(object), object))).toEqual(says));

describe("what is there keeps", () => {
  const fast = storageClass("fast", { parameters: { a: "b" }, reclaimPolicy: "Delete" });
  test.each([
    {
      what: "a class's provisioner",
      before: fast,
      after: { ...fast, provisioner: "example.com/other" },
      says: ["provisioner: Forbidden: updates to provisioner are forbidden."],
    },
    { what: "a class's parameters", before: fast, after: { ...fast, parameters: {} }, says: ["parameters: Forbidden: updates to parameters are forbidden."] },
    {
      what: "a class's policy",
      before: fast,
      after: { ...fast, reclaimPolicy: "Retain" },
      says: ["reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden."],
    },
    {
      what: "a class's binding",
      before: fast,
      after: { ...fast, volumeBindingMode: "WaitForFirstConsumer" },
      says: ['volumeBindingMode: Invalid value: "WaitForFirstConsumer": field is immutable'],
    },
    { what: "not a class's wish to expand", before: fast, after: { ...fast, allowVolumeExpansion: true }, says: [] },
    {
      what: "a volume's source",
      before: made(),
      after: made({ hostPath: { path: "/srv/w" } }),
      says: ["spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation"],
    },
    {
      what: "not a volume's policy and size",
      before: made(),
      after: made({ persistentVolumeReclaimPolicy: "Delete", capacity: { storage: "2Gi" } }),
      says: [],
    },
    { what: "a volume's nodes", before: made(on("a")), after: made(on("b")), says: [expect.stringMatching(/^spec.nodeAffinity: .*field is immutable$/)] },
  ])("$what", ({ before, after, says }) => expect(words(validateChange(resourceOf(before), before, after, false))).toEqual(says));
});
