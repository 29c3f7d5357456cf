import { describe, expect, test } from "vitest";
import { apply } from "../../orchestrator/apply/apply.ts";
import { fieldsIn, formatFields, parseFields, pathsOf } from "../../orchestrator/apply/field-set.ts";
import { parseManagers, type Manager } from "../../orchestrator/apply/managers.ts";
import { trackUpdate } from "../../orchestrator/apply/track.ts";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { decode } from "../../orchestrator/schema/decode.ts";

const TYPE = "apps/v1.Deployment";
const shape = { kind: "struct", type: TYPE } as const;
const now = "2030-01-01T00:00:00Z";

function deployment(spec: object, labels: object = {}): any {
  return {
    ...decode(TYPE, { metadata: { name: "web", labels }, spec: { selector: { matchLabels: { a: "b" } }, ...spec } }).value,
    apiVersion: "apps/v1",
    kind: "Deployment",
  };
}

const container = (name: string, more: object = {}): object => ({ name, image: "x", ...more });
const withContainers = (...containers: readonly object[]): object => ({ template: { spec: { containers } } });

describe("field sets", () => {
  test("name the parts that can have owners of their own", () => {
    const object = {
      spec: {
        replicas: 1,
        selector: { matchLabels: { a: "b" } },
        template: { metadata: { labels: { a: "b" }, finalizers: ["f"] }, spec: { containers: [{ name: "c", args: ["1"], ports: [{ containerPort: 80 }] }] } },
      },
    };
    expect(formatFields(fieldsIn(shape, object))).toEqual({
      "f:spec": {
        "f:replicas": {},
        "f:selector": {},
        "f:template": {
          "f:metadata": { "f:finalizers": { 'v:"f"': {} }, "f:labels": { "f:a": {} } },
          "f:spec": {
            "f:containers": {
              'k:{"name":"c"}': {
                ".": {},
                "f:args": {},
                "f:name": {},
                "f:ports": { 'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {} } },
              },
            },
          },
        },
      },
    });
  });

  test("come back from their text the same", () => {
    const fields = { "f:spec": { "f:containers": { 'k:{"name":"c"}': { ".": {}, "f:image": {} } }, "f:list": { ".": {}, 'v:"x"': {} } } };
    expect(formatFields(parseFields(fields))).toEqual(fields);
    expect(pathsOf(parseFields(fields))).toEqual(['.spec.containers[name="c"]', '.spec.containers[name="c"].image', ".spec.list", '.spec.list[="x"]']);
  });
});

/** Applies one after another, as `[manager, object, force?]`. */
function applied(
  steps: readonly (readonly [string, any, boolean?])[],
  live: any = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web" } },
  before: readonly Manager[] = [],
): { readonly object: any; readonly managers: readonly Manager[] } {
  return steps.reduce<{ object: KubeObject; managers: readonly Manager[] }>(
    ({ object, managers }, [manager, wanted, force = false]) =>
      apply({ type: TYPE, live: object, managers, applied: wanted, manager, apiVersion: "apps/v1", subresource: undefined, force, now }),
    { object: live, managers: before },
  );
}

describe("server-side apply", () => {
  test("what a manager no longer applies goes, when nobody else wants it", () => {
    const { object } = applied([
      ["a", deployment({ replicas: 3, minReadySeconds: 5 }, { x: "1", y: "1" })],
      ["a", deployment({ replicas: 3 }, { x: "1" })],
    ]);
    expect([object.spec.minReadySeconds, object.spec.replicas, object.metadata.labels]).toEqual([undefined, 3, { x: "1" }]);
  });

  test("a field goes whole, with the defaults that came into it", () => {
    const probe = { tcpSocket: { port: 80 }, periodSeconds: 2 };
    const first = applied([["a", deployment(withContainers(container("c", { readinessProbe: probe })))]]);
    first.object.spec.template.spec.containers[0].readinessProbe.failureThreshold = 3;
    const { object } = applied([["a", deployment(withContainers(container("c")))]], first.object, first.managers);
    expect(object.spec.template.spec.containers[0]).toEqual(container("c"));
  });

  test("what another manager applies too stays", () => {
    const { object, managers } = applied([
      ["a", deployment({ replicas: 3 })],
      ["b", deployment({ replicas: 3 })],
      ["a", deployment({})],
    ]);
    expect(object.spec.replicas).toBe(3);
    expect(managers.map(({ manager, fields }) => [manager, pathsOf(fields).includes(".spec.replicas")])).toEqual([
      ["b", true],
      ["a", false],
    ]);
  });

  test("changing what another owns is a conflict that names field and owner", () => {
    const attempt = (): unknown =>
      applied([
        ["a", deployment({ replicas: 3 })],
        ["b", deployment({ replicas: 5 })],
      ]);
    expect(attempt).toThrow('Apply failed with 1 conflict: conflict with "a" using apps/v1: .spec.replicas');
    expect(attempt).toThrow(
      expect.objectContaining({
        code: "Conflict",
        details: { causes: [{ reason: "FieldManagerConflict", message: 'conflict with "a" using apps/v1', field: ".spec.replicas" }] },
      }) as Error,
    );
  });

  test("force takes the field over", () => {
    const { object, managers } = applied([
      ["a", deployment({ replicas: 3 })],
      ["b", deployment({ replicas: 5 }), true],
    ]);
    expect(object.spec.replicas).toBe(5);
    expect(managers.filter(({ fields }) => pathsOf(fields).includes(".spec.replicas")).map(({ manager }) => manager)).toEqual(["b"]);
  });

  test("items of a keyed list have owners of their own", () => {
    const { object } = applied([
      ["a", deployment(withContainers(container("one"), container("two")))],
      ["b", deployment(withContainers({ name: "side", image: "y" }))],
      ["a", deployment(withContainers(container("one")))],
    ]);
    expect(object.spec.template.spec.containers.map(({ name }: any) => name)).toEqual(["one", "side"]);
  });

  test("an item that two managers apply stays while one of them does", () => {
    const { object } = applied([
      ["a", deployment(withContainers(container("c", { imagePullPolicy: "Never" })))],
      ["b", deployment(withContainers({ name: "c", workingDir: "/w" }))],
      ["a", deployment(withContainers())],
    ]);
    expect(object.spec.template.spec.containers).toEqual([{ name: "c", workingDir: "/w" }]);
  });

  test("applied items keep the order that was applied", () => {
    const { object } = applied([
      ["a", deployment(withContainers(container("one"), container("two")))],
      ["a", deployment(withContainers(container("two"), container("one")))],
    ]);
    expect(object.spec.template.spec.containers.map(({ name }: any) => name)).toEqual(["two", "one"]);
  });

  test("an atomic part is replaced whole", () => {
    const spec = (args: readonly string[]): object => withContainers(container("c", { args }));
    const { object } = applied([
      ["a", deployment(spec(["1", "2"]))],
      ["a", deployment(spec(["3"]))],
    ]);
    expect(object.spec.template.spec.containers[0].args).toEqual(["3"]);
  });
});

describe("updates", () => {
  const update = (before: any, after: any, managers: readonly Manager[], subresource?: string): Manager[] =>
    trackUpdate(managers, { type: TYPE, before, after, manager: "u", apiVersion: "apps/v1", subresource, now });
  const owners = (managers: readonly Manager[], path: string): string[] =>
    managers.filter(({ fields }) => pathsOf(fields).includes(path)).map(({ manager, operation }) => `${manager} ${operation}`);

  test("the one who changes a field owns it alone", () => {
    const { object, managers } = applied([["a", deployment({ replicas: 3 })]]);
    const after = { ...object, spec: { ...object.spec, replicas: 4 } };
    expect(owners(update(object, after, managers), ".spec.replicas")).toEqual(["u Update"]);
  });

  test("a field that goes has no owner any more", () => {
    const { object, managers } = applied([["a", deployment({ replicas: 3 })]]);
    const { replicas: _, ...spec } = object.spec;
    expect(owners(update(object, { ...object, spec }, managers), ".spec.replicas")).toEqual([]);
  });

  test("fields that are left alone keep their owners and their times", () => {
    const { object, managers } = applied([["a", deployment({ replicas: 3 })]]);
    const old = managers.map((entry) => ({ ...entry, time: "2020-01-01T00:00:00Z" }));
    expect(update(object, object, old).filter(({ manager }) => manager === "a")).toEqual(old);
  });

  test("status is owned apart", () => {
    const { object, managers } = applied([["a", deployment({ replicas: 3 })]]);
    const after = update(object, { ...object, status: { replicas: 3 } }, managers, "status");
    expect(after.map(({ manager, subresource }) => [manager, subresource])).toEqual([
      ["a", undefined],
      ["u", "status"],
    ]);
  });

  test("an empty entry clears all owners", () => expect(parseManagers([{}])).toEqual([]));
});
