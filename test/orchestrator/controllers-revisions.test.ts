import { expect, test } from "vitest";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { planRevision, surplusRevisions, templateOf } from "../../orchestrator/controllers/revisions/plan.ts";
import { meta, statefulSet } from "./objects.ts";

const hashLabel = "controller.kubernetes.io/hash";
const options = { hashLabel, collisions: 0 };
const withImage = (image: string): KubeObject => {
  const set = statefulSet("web", 3);
  return { ...set, spec: { ...set.spec, template: { ...set.spec.template, spec: { containers: [{ name: "main", image }] } } } };
};

/** As it was stored when the image was this one. */
function revision(image: string, number: number): KubeObject {
  const plan = planRevision(withImage(image), [], options);
  if (plan.kind !== "create") throw new Error(`Cannot make a revision: the plan is to ${plan.kind}`);
  return { ...plan.draft, metadata: meta(String(plan.draft.metadata.name)), revision: number };
}

test("the first revision holds the template as the patch that goes back to it", () => {
  const plan = planRevision({ ...withImage("web:v1"), metadata: meta("web", { annotations: { "kubernetes.io/change-cause": "first" } }) }, [], options);
  expect(plan).toMatchObject({
    kind: "create",
    draft: {
      kind: "ControllerRevision",
      metadata: {
        name: expect.stringMatching(/^web-[bcdfghjklmnpqrstvwxz2456789]+$/),
        labels: { app: "web" },
        annotations: { "kubernetes.io/change-cause": "first" },
      },
      data: { spec: { template: { $patch: "replace", spec: { containers: [{ image: "web:v1" }] } } } },
      revision: 1,
    },
  });
  const { draft } = plan as { draft: KubeObject };
  expect(draft.metadata.name).toBe(`web-${draft.metadata.labels?.[hashLabel]}`);
  expect(templateOf(draft)).toEqual(withImage("web:v1").spec.template);
});

const [one, two, three] = [revision("web:v1", 1), revision("web:v2", 2), revision("web:v3", 3)];

test("the same content keeps its revision", () => {
  expect(planRevision(withImage("web:v3"), [three, one, two], options)).toEqual({ kind: "keep", revision: three });
});

test("a content that was there before becomes the newest again", () => {
  expect(planRevision(withImage("web:v1"), [one, two, three], options)).toEqual({ kind: "renumber", revision: one, number: 4 });
});

test("another content gets the next number", () => {
  expect(planRevision(withImage("web:v4"), [one, two, three], options)).toMatchObject({ kind: "create", draft: { revision: 4 } });
});

test("a collision gives another name to the same content", () => {
  const name = (collisions: number): unknown => (planRevision(withImage("web:v4"), [], { hashLabel, collisions }) as { draft: KubeObject }).draft.metadata.name;
  expect(name(1)).not.toBe(name(0));
  expect(name(1)).toBe(name(1));
});

test.each([
  { name: "the oldest beyond the limit go", limit: 1, live: [], want: ["web:v1", "web:v2"] },
  { name: "those in use stay and do not count", limit: 1, live: [one], want: ["web:v2"] },
  { name: "a limit of none keeps only those in use", limit: 0, live: [three], want: ["web:v1", "web:v2"] },
  { name: "within the limit all stay", limit: 3, live: [], want: [] },
])("of old revisions $name", ({ limit, live, want }) => {
  const names = new Set(live.map(({ metadata }) => metadata.name));
  const surplus = surplusRevisions([three, one, two], names, limit);
  expect(surplus.map((each) => each["data"].spec.template.spec.containers[0].image)).toEqual(want);
});
