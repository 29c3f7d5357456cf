import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeObject } from "../../orchestrator/schema/decode-object.ts";
import { decode } from "../../orchestrator/schema/decode.ts";
import { applyDefaults } from "../../orchestrator/schema/defaults.ts";
import { equal } from "../../orchestrator/schema/equal.ts";
import { compareQuantities, formatQuantity, milliOf, parseQuantity, wholeOf } from "../../orchestrator/schema/quantity.ts";
import { resourceNamed, resources } from "../../orchestrator/schema/resources.ts";
import { formatSelector, matchesSelector, meets, parseSelector } from "../../orchestrator/schema/selector.ts";
import { structOf } from "../../orchestrator/schema/types.ts";

describe("quantities", () => {
  const canonical = [
    ["0.5", "500m"],
    ["1000m", "1"],
    ["1500m", "1500m"],
    ["1", "1"],
    ["0", "0"],
    ["0Mi", "0"],
    ["1024Mi", "1Gi"],
    ["1536Mi", "1536Mi"],
    ["0.5Gi", "512Mi"],
    ["128974848", "128974848"],
    ["1000k", "1M"],
    ["1e3", "1e3"],
    ["1E3", "1e3"],
    ["12e6", "12e6"],
    ["100n", "100n"],
    ["0.1", "100m"],
    ["+2", "2"],
    ["-1500m", "-1500m"],
    [".5", "500m"],
    ["5.", "5"],
    ["1023", "1023"],
    ["0.0000000001", "1n"],
    ["2Ki", "2Ki"],
    ["0.5Ki", "512"],
  ] as const;
  test.each(canonical)("%s is written %s", (text, want) => expect(formatQuantity(parseQuantity(text)!)).toBe(want));

  test.each(["", "m", "1 Gi", "1gi", "1KiB", "--1", "1.2.3", "0x10", "NaN"])("%j is none", (text) => expect(parseQuantity(text)).toBeUndefined());

  test("the canonical form is stable", () => {
    const text = fc.tuple(fc.integer({ min: 0, max: 10 ** 9 }), fc.constantFrom("", "m", "k", "M", "Gi", "Ki", "Mi", "n", "u", "e3"));
    fc.assert(
      fc.property(text, ([number, suffix]) => {
        const once = formatQuantity(parseQuantity(`${number}${suffix}`)!);
        expect(formatQuantity(parseQuantity(once)!)).toBe(once);
        expect(parseQuantity(once)!.nano).toBe(parseQuantity(`${number}${suffix}`)!.nano);
      }),
    );
  });

  test("count cpu in thousandths and bytes whole, rounded up", () => {
    expect([milliOf("0.0005"), milliOf("2"), wholeOf("128Mi"), wholeOf("1500m")]).toEqual([1, 2000, 134217728, 2]);
    expect([compareQuantities("1", "1000m"), compareQuantities("1Gi", "1G"), compareQuantities("1m", "1")]).toEqual([0, 1, -1]);
  });
});

describe("decoding", () => {
  const pod = (spec: object): unknown => ({ apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, spec });

  test("reports every unknown field by its path and drops it", () => {
    const { value, unknown } = decode("core/v1.Pod", { metadata: { name: "p", nam: 1 }, spec: { containers: [{ name: "c", imag: "x" }] }, extra: {} });
    expect(unknown).toEqual(["metadata.nam", "spec.containers[0].imag", "extra"]);
    expect(value).toEqual({ metadata: { name: "p" }, spec: { containers: [{ name: "c" }] } });
  });

  test("leaves out zero values of optional fields, keeps those of pointers and of fields that are always written", () => {
    const { value } = decode("apps/v1.Deployment", {
      spec: {
        replicas: 0,
        paused: false,
        minReadySeconds: 0,
        selector: {},
        template: { metadata: { labels: {} }, spec: { hostNetwork: false, containers: [] } },
      },
    });
    expect(value).toEqual({ spec: { replicas: 0, selector: {}, strategy: undefined, template: { metadata: {}, spec: { containers: [] } } } });
  });

  const mismatches = [
    ["a number where a string belongs", pod({ nodeName: 1 }), "json: cannot unmarshal number into Go struct field PodSpec.spec.nodeName of type string"],
    [
      "a string where a number belongs",
      pod({ terminationGracePeriodSeconds: "x" }),
      "json: cannot unmarshal string into Go struct field PodSpec.spec.terminationGracePeriodSeconds of type int64",
    ],
    [
      "an object where a list belongs",
      pod({ containers: {} }),
      "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
    ],
    [
      "a quantity that is none",
      pod({ containers: [{ name: "c", resources: { limits: { cpu: "lots" } } }] }),
      "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
    [
      "a fraction where a whole number belongs",
      pod({ priority: 1.5 }),
      "json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.priority of type int32",
    ],
  ] as const;
  test.each(mismatches)("refuses %s", (_, object, message) => {
    expect(() => decodeObject(resourceNamed("pods"), object)).toThrow(`Pod in version "v1" cannot be handled as a Pod: ${message}`);
  });

  test("rewrites times and quantities", () => {
    const { value } = decode("coordination/v1.Lease", {
      metadata: { creationTimestamp: "2026-01-02T03:04:05.678+01:00" },
      spec: { renewTime: "2026-01-02T03:04:05Z" },
    });
    expect(value).toEqual({ metadata: { creationTimestamp: "2026-01-02T02:04:05Z" }, spec: { renewTime: "2026-01-02T03:04:05.000000Z" } });
    expect(decode("core/v1.ResourceRequirements", { limits: { cpu: 0.5, memory: "1024Mi" } }).value).toEqual({ limits: { cpu: "500m", memory: "1Gi" } });
  });

  test("what is decoded decodes to the same again, defaults too", () => {
    const draft = {
      metadata: { name: "w" },
      spec: {
        selector: { matchLabels: { a: "b" } },
        template: {
          metadata: { labels: { a: "b" } },
          spec: { containers: [{ name: "c", image: "x", ports: [{ containerPort: 80 }], livenessProbe: { httpGet: { port: 80 } } }], volumes: [{ name: "v" }] },
        },
      },
    };
    const once = decode("apps/v1.Deployment", draft).value;
    applyDefaults("apps/v1.Deployment", once);
    const twice = decode("apps/v1.Deployment", structuredClone(once)).value;
    applyDefaults("apps/v1.Deployment", twice);
    expect(equal(once, twice)).toBe(true);
  });

  test("every kind of the table has a type", () => {
    expect(resources.filter(({ type }) => structOf(type).fields.length === 0)).toEqual([]);
  });
});

describe("defaults", () => {
  const defaulted = (type: string, value: Record<string, any>): any => {
    applyDefaults(type, value);
    return value;
  };
  const pullPolicies = [
    ["busybox", "Always"],
    ["busybox:latest", "Always"],
    ["busybox:1.36", "IfNotPresent"],
    ["localhost:5000/x", "Always"],
    ["localhost:5000/x:v1", "IfNotPresent"],
    [`x@sha256:${"0".repeat(64)}`, "IfNotPresent"],
  ] as const;
  test.each(pullPolicies)("image %s is pulled %s", (image, want) => expect(defaulted("core/v1.Container", { name: "c", image }).imagePullPolicy).toBe(want));

  test("a service gets a target port, a protocol and its policies", () => {
    expect(defaulted("core/v1.ServiceSpec", { ports: [{ port: 80 }] })).toEqual({
      type: "ClusterIP",
      sessionAffinity: "None",
      internalTrafficPolicy: "Cluster",
      ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
    });
    expect(defaulted("core/v1.ServiceSpec", { type: "NodePort", ports: [] }).externalTrafficPolicy).toBe("Cluster");
  });

  test("a Recreate deployment has no rolling update", () => {
    expect(defaulted("apps/v1.DeploymentStrategy", { type: "Recreate" })).toEqual({ type: "Recreate" });
    expect(defaulted("apps/v1.DeploymentStrategy", { rollingUpdate: { maxSurge: 1 } })).toEqual({
      type: "RollingUpdate",
      rollingUpdate: { maxSurge: 1, maxUnavailable: "25%" },
    });
  });

  test("a volume without a source is an empty folder, one with a source is left alone", () => {
    expect(defaulted("core/v1.Volume", { name: "v" })).toEqual({ name: "v", emptyDir: {} });
    expect(defaulted("core/v1.Volume", { name: "v", configMap: { name: "c" } })).toEqual({ name: "v", configMap: { name: "c", defaultMode: 420 } });
  });

  const jobs = [
    ["neither given", {}, { completions: 1, parallelism: 1 }],
    ["parallelism given", { parallelism: 3 }, { completions: undefined, parallelism: 3 }],
    ["completions given", { completions: 5 }, { completions: 5, parallelism: 1 }],
  ] as const;
  test.each(jobs)("a job with %s", (_, spec, want) => {
    const { completions, parallelism } = defaulted("batch/v1.JobSpec", { ...spec });
    expect({ completions, parallelism }).toEqual(want);
  });
});

describe("selectors", () => {
  const matching = [
    ["a=b", { a: "b" }, true],
    ["a==b", { a: "c" }, false],
    ["a!=b", {}, true],
    ["a!=b", { a: "b" }, false],
    ["a in (b, c)", { a: "c" }, true],
    ["a notin (b,c)", { a: "b" }, false],
    ["a notin (b)", {}, true],
    ["a", { a: "" }, true],
    ["!a", { a: "" }, false],
    ["! a", {}, true],
    ["a=b,c in (d,e),!f", { a: "b", c: "e" }, true],
    ["", { x: "y" }, true],
    ["a=", { a: "" }, true],
  ] as const;
  test.each(matching)("%j on %j is %s", (text, labels, want) => expect(parseSelector(text)!.every((one) => meets(labels, one))).toBe(want));

  test.each(["a in b", "a=b=c", "=b", "a b"])("%j is none", (text) => expect(parseSelector(text)).toBeUndefined());

  test("an absent selector matches nothing and an empty one everything", () => {
    expect([matchesSelector(undefined, {}), matchesSelector({}, {})]).toEqual([false, true]);
  });

  test("are written as kubectl shows them", () => {
    const selector = {
      matchLabels: { a: "b" },
      matchExpressions: [
        { key: "c", operator: "In", values: ["d", "e"] },
        { key: "f", operator: "Exists" },
        { key: "g", operator: "DoesNotExist" },
      ],
    };
    expect(formatSelector(selector)).toBe("a=b,c in (d,e),f,!g");
    expect(formatSelector({})).toBe("<none>");
  });
});
