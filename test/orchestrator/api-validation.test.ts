import { describe, expect, test } from "vitest";
import type { ApiError } from "../../orchestrator/errors.ts";
import { decodeObject } from "../../orchestrator/schema/decode-object.ts";
import { applyDefaults } from "../../orchestrator/schema/defaults.ts";
import { invalidObject } from "../../orchestrator/schema/field-error.ts";
import { resourceNamed } from "../../orchestrator/schema/resources.ts";
import { validate } from "../../orchestrator/schema/validate.ts";

describe("validation", () => {
  const template = (containers: readonly object[] = [{ name: "c", image: "x" }], labels: object = { app: "a" }): object => ({
    metadata: { labels },
    spec: { containers },
  });
  const deployment = (spec: object): unknown => ({
    metadata: { name: "web" },
    spec: { selector: { matchLabels: { app: "a" } }, template: template(), ...spec },
  });
  const said = (resource: string, value: unknown): string => {
    const row = resourceNamed(resource);
    const object = decodeObject(row, value) as any;
    object.metadata.name ??= "";
    applyDefaults(row.type, object);
    const errors = validate(row, object);
    return errors.length === 0 ? "" : invalidObject(row, object.metadata.name, errors).message;
  };
  const mounting = (volume: object, mount: object = {}): unknown => ({
    metadata: { name: "p" },
    spec: { containers: [{ name: "c", image: "x", volumeMounts: [{ name: "v", mountPath: "/v", ...mount }] }], volumes: [{ name: "v", ...volume }] },
  });
  const cases = [
    { name: "accepts a plain deployment", resource: "deployments.apps", value: deployment({}), want: "" },
    {
      name: "wants containers of a pod without a spec",
      resource: "pods",
      value: { metadata: { name: "p" } },
      want: 'Pod "p" is invalid: spec.containers: Required value',
    },
    {
      name: "wants containers of a template without a spec",
      resource: "deployments.apps",
      value: deployment({ template: { metadata: { labels: { app: "a" } } } }),
      want: 'Deployment.apps "web" is invalid: spec.template.spec.containers: Required value',
    },
    ...["..", "..data"].map((key) => ({
      name: `refuses the config key ${key}`,
      resource: "configmaps",
      value: { metadata: { name: "c" }, data: { [key]: "x" } },
      want: `ConfigMap "c" is invalid: data[${key}]: Invalid value: "${key}": must not ${key === ".." ? "be" : "start with"} '..'`,
    })),
    {
      name: "refuses a config map above a mebibyte",
      resource: "configmaps",
      value: { metadata: { name: "c" }, data: { a: "x".repeat(2 ** 19), b: "x".repeat(2 ** 19 + 1) } },
      want: 'ConfigMap "c" is invalid: []: Too long: may not be more than 1048576 bytes',
    },
    {
      name: "refuses a key's path above its volume",
      resource: "pods",
      value: mounting({ configMap: { name: "c", items: [{ key: "a", path: "../../evil" }] } }),
      want: `Pod "p" is invalid: spec.volumes[0].configMap.items[0].path: Invalid value: "../../evil": must not contain '..'`,
    },
    {
      name: "refuses a sub-path above its volume",
      resource: "pods",
      value: mounting({ emptyDir: {} }, { subPath: "a/../.." }),
      want: `Pod "p" is invalid: spec.containers[0].volumeMounts[0].subPath: Invalid value: "a/../..": must not contain '..'`,
    },
    {
      name: "refuses an absolute sub-path",
      resource: "pods",
      value: mounting({ emptyDir: {} }, { subPath: "/etc" }),
      want: `Pod "p" is invalid: spec.containers[0].volumeMounts[0].subPath: Invalid value: "/etc": must be a relative path`,
    },
    {
      name: "refuses a host path that climbs",
      resource: "pods",
      value: mounting({ hostPath: { path: "/tmp/../etc" } }),
      want: `Pod "p" is invalid: spec.volumes[0].hostPath.path: Invalid value: "/tmp/../etc": must not contain '..'`,
    },
    {
      name: "wants an image",
      resource: "deployments.apps",
      value: deployment({ template: template([{ name: "c" }]) }),
      want: 'Deployment.apps "web" is invalid: spec.template.spec.containers[0].image: Required value',
    },
    {
      name: "lists several problems in brackets",
      resource: "deployments.apps",
      value: deployment({
        replicas: -1,
        template: template([
          { name: "c", image: "x" },
          { name: "c", image: "y" },
        ]),
      }),
      want: 'Deployment.apps "web" is invalid: [spec.replicas: Invalid value: -1: must be greater than or equal to 0, spec.template.spec.containers[1].name: Duplicate value: "c"]',
    },
    {
      name: "wants the selector to match the template",
      resource: "deployments.apps",
      value: deployment({ template: template(undefined, { app: "other" }) }),
      want: 'Deployment.apps "web" is invalid: spec.template.metadata.labels: Invalid value: {"app":"other"}: `selector` does not match template `labels`',
    },
    {
      name: "wants containers",
      resource: "pods",
      value: { metadata: { name: "p" }, spec: { containers: [] } },
      want: 'Pod "p" is invalid: spec.containers: Required value',
    },
    {
      name: "wants a name",
      resource: "configmaps",
      value: { metadata: {} },
      want: 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    },
    {
      name: "refuses names in capitals",
      resource: "configmaps",
      value: { metadata: { name: "Cm" } },
      want: `ConfigMap "Cm" is invalid: metadata.name: Invalid value: "Cm": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
    },
    {
      name: "lets roles have colons in their names",
      resource: "clusterroles.rbac.authorization.k8s.io",
      value: { metadata: { name: "system:node" } },
      want: "",
    },
    {
      name: "refuses values that are not in the list",
      resource: "pods",
      value: { metadata: { name: "p" }, spec: { restartPolicy: "Sometimes", containers: [{ name: "c", image: "x" }] } },
      want: 'Pod "p" is invalid: spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
    },
    {
      name: "refuses requests above limits",
      resource: "pods",
      value: { metadata: { name: "p" }, spec: { containers: [{ name: "c", image: "x", resources: { requests: { cpu: "2" }, limits: { cpu: "1" } } }] } },
      want: 'Pod "p" is invalid: spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    },
    {
      name: "refuses mounts of volumes that are not there",
      resource: "pods",
      value: { metadata: { name: "p" }, spec: { containers: [{ name: "c", image: "x", volumeMounts: [{ name: "v", mountPath: "/v" }] }] } },
      want: 'Pod "p" is invalid: spec.containers[0].volumeMounts[0].name: Not found: "v"',
    },
    {
      name: "refuses ports out of range",
      resource: "services",
      value: { metadata: { name: "s" }, spec: { ports: [{ port: 70000 }] } },
      want: 'Service "s" is invalid: [spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive, spec.ports[0].targetPort: Invalid value: 70000: must be between 1 and 65535, inclusive]',
    },
    {
      name: "wants names when there are several ports",
      resource: "services",
      value: { metadata: { name: "s" }, spec: { ports: [{ name: "a", port: 1 }, { port: 2 }] } },
      want: 'Service "s" is invalid: spec.ports[1].name: Required value',
    },
    {
      name: "refuses a rolling update that can do nothing",
      resource: "deployments.apps",
      value: deployment({ strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } }),
      want: 'Deployment.apps "web" is invalid: spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0',
    },
    {
      name: "refuses keys that are no file names",
      resource: "configmaps",
      value: { metadata: { name: "c" }, data: { "a/b": "" } },
      want: `ConfigMap "c" is invalid: data[a/b]: Invalid value: "a/b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`,
    },
  ];
  test.each(cases)("$name", ({ resource, value, want }) => expect(said(resource, value)).toBe(want));

  test("every message comes with its cause", () => {
    const error: ApiError = invalidObject({ kind: "Pod", group: "" }, "p", [
      { reason: "FieldValueRequired", field: "spec.containers", message: "Required value" },
    ]);
    expect([error.httpStatus, error.details]).toEqual([
      422,
      { name: "p", kind: "Pod", causes: [{ reason: "FieldValueRequired", message: "Required value", field: "spec.containers" }] },
    ]);
  });
});
