import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyJsonPatch } from "../../orchestrator/patch/json-patch.ts";
import { applyMergePatch } from "../../orchestrator/patch/merge-patch.ts";
import { applyStrategicMerge } from "../../orchestrator/patch/strategic-merge.ts";

describe("JSON patch", () => {
  const cases = [
    { name: "adds a member", target: { a: 1 }, patch: [{ op: "add", path: "/b", value: 2 }], want: { a: 1, b: 2 } },
    { name: "inserts into a list", target: { a: [1, 3] }, patch: [{ op: "add", path: "/a/1", value: 2 }], want: { a: [1, 2, 3] } },
    { name: "appends to a list", target: { a: [1] }, patch: [{ op: "add", path: "/a/-", value: 2 }], want: { a: [1, 2] } },
    { name: "replaces the whole", target: { a: 1 }, patch: [{ op: "replace", path: "", value: { b: 2 } }], want: { b: 2 } },
    { name: "removes from a list", target: { a: [1, 2] }, patch: [{ op: "remove", path: "/a/0" }], want: { a: [2] } },
    { name: "moves", target: { a: 1 }, patch: [{ op: "move", from: "/a", path: "/b" }], want: { b: 1 } },
    { name: "copies", target: { a: { c: 1 } }, patch: [{ op: "copy", from: "/a", path: "/b" }], want: { a: { c: 1 }, b: { c: 1 } } },
    {
      name: "reads ~1 as slash and ~0 as tilde",
      target: { "a/b": { "~": 1 } },
      patch: [{ op: "replace", path: "/a~1b/~0", value: 2 }],
      want: { "a/b": { "~": 2 } },
    },
    {
      name: "goes on after a test that holds",
      target: { a: [1, { b: 2 }] },
      patch: [
        { op: "test", path: "/a", value: [1, { b: 2 }] },
        { op: "remove", path: "/a" },
      ],
      want: {},
    },
    {
      name: "makes no prototype of __proto__",
      target: {},
      patch: [{ op: "add", path: "/__proto__", value: { x: 1 } }],
      want: JSON.parse('{"__proto__":{"x":1}}') as object,
    },
  ];
  test.each(cases)("$name", ({ target, patch, want }) => {
    const before = structuredClone(target);
    expect(applyJsonPatch(target, patch)).toEqual(want);
    expect(target).toEqual(before);
  });

  const refused = [
    ["a test that fails", [{ op: "test", path: "/a", value: 2 }]],
    ["removing what is not there", [{ op: "remove", path: "/b" }]],
    ["replacing what is not there", [{ op: "replace", path: "/b", value: 1 }]],
    ["a parent that is not there", [{ op: "add", path: "/b/c", value: 1 }]],
    ["an index out of bounds", [{ op: "add", path: "/l/5", value: 1 }]],
    ["an index that is none", [{ op: "add", path: "/l/x", value: 1 }]],
  ] as const;
  test.each(refused)("refuses %s", (_, patch) =>
    expect(() => applyJsonPatch({ a: 1, l: [] }, patch)).toThrow(expect.objectContaining({ code: "Invalid" }) as Error),
  );
  test("refuses copies of copies that grow without end", () => {
    const patch = Array.from({ length: 40 }, (_, index) => ({ op: "copy", from: "", path: `/copy${index}` }));
    expect(() => applyJsonPatch({ a: "x" }, patch)).toThrow(expect.objectContaining({ code: "RequestEntityTooLarge" }) as Error);
  });
  test.each([null, 5, {}, { op: "add", path: 5 }, { op: "copy", path: "/a", from: 5 }])("refuses %j as an operation", (operation) =>
    expect(() => applyJsonPatch({}, [operation])).toThrow(expect.objectContaining({ code: "BadRequest" }) as Error),
  );
  test("refuses an operation that is none", () => expect(() => applyJsonPatch({}, [{ op: "increment", path: "/a" }])).toThrow("Unexpected kind: increment"));
});

test("a JSON merge patch follows the examples of RFC 7386", () => {
  const examples: readonly (readonly [unknown, unknown, unknown])[] = [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"],
    ],
    [{ a: "b" }, ["c"], ["c"]],
    [{ a: "foo" }, "bar", "bar"],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  for (const [target, patch, want] of examples) expect(applyMergePatch(target, patch)).toEqual(want);
});

describe("strategic merge patch", () => {
  const pod = "core/v1.PodSpec";
  const cases = [
    {
      name: "merges containers by name",
      type: pod,
      target: {
        containers: [
          { name: "a", image: "1" },
          { name: "b", image: "1" },
        ],
      },
      patch: { containers: [{ name: "b", image: "2" }] },
      want: {
        containers: [
          { name: "a", image: "1" },
          { name: "b", image: "2" },
        ],
      },
    },
    {
      name: "appends containers with new names",
      type: pod,
      target: { containers: [{ name: "a" }] },
      patch: { containers: [{ name: "b" }] },
      want: { containers: [{ name: "a" }, { name: "b" }] },
    },
    {
      name: "deletes an item by directive",
      type: pod,
      target: { containers: [{ name: "a" }, { name: "b" }] },
      patch: { containers: [{ name: "a", $patch: "delete" }] },
      want: { containers: [{ name: "b" }] },
    },
    {
      name: "replaces a list by directive",
      type: pod,
      target: { containers: [{ name: "a" }] },
      patch: { containers: [{ name: "b" }, { $patch: "replace" }] },
      want: { containers: [{ name: "b" }] },
    },
    {
      name: "replaces an object by directive",
      type: pod,
      target: { securityContext: { runAsUser: 1, runAsGroup: 2 } },
      patch: { securityContext: { $patch: "replace", runAsUser: 3 } },
      want: { securityContext: { runAsUser: 3 } },
    },
    {
      name: "empties an object by directive",
      type: pod,
      target: { nodeSelector: { a: "b" } },
      patch: { nodeSelector: { $patch: "delete" } },
      want: { nodeSelector: {} },
    },
    { name: "deletes a field with null", type: pod, target: { nodeName: "n", hostname: "h" }, patch: { nodeName: null }, want: { hostname: "h" } },
    {
      name: "replaces lists without a merge key",
      type: pod,
      target: { tolerations: [{ key: "a" }] },
      patch: { tolerations: [{ key: "b" }] },
      want: { tolerations: [{ key: "b" }] },
    },
    {
      name: "merges env of a container by name, deep inside",
      type: pod,
      target: {
        containers: [
          {
            name: "a",
            env: [
              { name: "X", value: "1" },
              { name: "Y", value: "1" },
            ],
          },
        ],
      },
      patch: {
        containers: [
          {
            name: "a",
            env: [
              { name: "X", value: "2" },
              { name: "Z", value: "3" },
            ],
          },
        ],
      },
      want: {
        containers: [
          {
            name: "a",
            env: [
              { name: "X", value: "2" },
              { name: "Y", value: "1" },
              { name: "Z", value: "3" },
            ],
          },
        ],
      },
    },
    {
      name: "merges lists of values as sets",
      type: "meta/v1.ObjectMeta",
      target: { finalizers: ["a", "b"] },
      patch: { finalizers: ["b", "c"] },
      want: { finalizers: ["a", "b", "c"] },
    },
    {
      name: "deletes from a list of values",
      type: "meta/v1.ObjectMeta",
      target: { finalizers: ["a", "b"] },
      patch: { "$deleteFromPrimitiveList/finalizers": ["a"] },
      want: { finalizers: ["b"] },
    },
    {
      name: "keeps only retained keys",
      type: "apps/v1.DeploymentStrategy",
      target: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } },
      patch: { $retainKeys: ["type"], type: "Recreate" },
      want: { type: "Recreate" },
    },
    {
      name: "orders merged items as asked, others beside their old neighbours",
      type: pod,
      target: { containers: [{ name: "a" }, { name: "b" }, { name: "server" }] },
      patch: { "$setElementOrder/containers": [{ name: "b" }, { name: "a" }, { name: "new" }], containers: [{ name: "new" }] },
      want: { containers: [{ name: "b" }, { name: "a" }, { name: "server" }, { name: "new" }] },
    },
    {
      name: "orders values as asked",
      type: "meta/v1.ObjectMeta",
      target: { finalizers: ["a", "b"] },
      patch: { "$setElementOrder/finalizers": ["b", "a"], finalizers: [] },
      want: { finalizers: ["b", "a"] },
    },
    {
      name: "merges maps by key",
      type: "meta/v1.ObjectMeta",
      target: { labels: { a: "1", b: "1" } },
      patch: { labels: { a: "2", b: null } },
      want: { labels: { a: "2" } },
    },
    {
      name: "does not store directives of items that are new",
      type: pod,
      target: {},
      patch: { volumes: [{ name: "v", $retainKeys: ["name", "emptyDir"], emptyDir: {} }] },
      want: { volumes: [{ name: "v", emptyDir: {} }] },
    },
  ];
  test.each(cases)("$name", ({ type, target, patch, want }) => {
    const before = structuredClone(target);
    expect(applyStrategicMerge(type, target, patch)).toEqual(want);
    expect(target).toEqual(before);
  });

  test("refuses an item without its merge key", () =>
    expect(() => applyStrategicMerge(pod, { containers: [] }, { containers: [{ image: "x" }] })).toThrow("does not contain declared merge key: name"));

  test("is idempotent", () => {
    const item = fc.record({ name: fc.constantFrom("a", "b", "c"), image: fc.constantFrom("1", "2") });
    const spec = fc.record(
      { containers: fc.uniqueArray(item, { selector: ({ name }) => name }), hostname: fc.option(fc.string(), { nil: undefined }) },
      { requiredKeys: ["containers"] },
    );
    fc.assert(
      fc.property(spec, spec, (target, patch) => {
        const once = applyStrategicMerge(pod, target, patch);
        expect(applyStrategicMerge(pod, once, patch)).toEqual(once);
      }),
    );
  });
});
