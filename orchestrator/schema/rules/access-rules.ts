/** What roles and their bindings ask of their fields. Spec: Kubernetes API reference, "Role", "RoleBinding". */
import { invalid, required, type FieldError } from "../field-error.ts";
import { checked, fields, needed, neededBecause, oneOf, type StructRule } from "./field-rules.ts";
import { pathSegmentProblem } from "../names.ts";
import type { RuleTable } from "./rule-table.ts";

const GROUP = "rbac.authorization.k8s.io";

/** A rule is about resources, or about addresses that are none; the second only where there is no namespace. */
const ruleTargets =
  (namespaced: boolean): StructRule =>
  ({ rules = [] }) =>
    rules.flatMap(({ nonResourceURLs = [], apiGroups = [], resources = [] }: any, index: number): readonly FieldError[] => {
      const at = `rules[${index}]`;
      if (nonResourceURLs.length > 0) {
        if (namespaced) return [invalid(`${at}.nonResourceURLs`, nonResourceURLs, "namespaced rules cannot apply to non-resource URLs")];
        const both = apiGroups.length + resources.length > 0;
        return both ? [invalid(`${at}.nonResourceURLs`, nonResourceURLs, "rules cannot apply to both regular resources and non-resource URLs")] : [];
      }
      return [
        ...(apiGroups.length === 0 ? [required(`${at}.apiGroups`, "resource rules must supply at least one api group")] : []),
        ...(resources.length === 0 ? [required(`${at}.resources`, "resource rules must supply at least one resource")] : []),
      ];
    });

const subject: StructRule = ({ kind, namespace = "" }, path) => (kind === "ServiceAccount" && namespace === "" ? [required(`${path}.namespace`)] : []);

const roleRef =
  (...kinds: string[]): StructRule =>
  ({ roleRef: ref = {} }) => [
    ...oneOf(GROUP)(ref.apiGroup, "roleRef.apiGroup"),
    ...oneOf(...kinds)(ref.kind ?? "", "roleRef.kind"),
    ...(ref.name === undefined || ref.name === "" ? [required("roleRef.name")] : checked(pathSegmentProblem)(ref.name, "roleRef.name")),
  ];

export const accessRules: RuleTable = {
  "rbac/v1.Role": [ruleTargets(true)],
  "rbac/v1.ClusterRole": [(role, path) => (role.aggregationRule === undefined ? ruleTargets(false)(role, path) : [])],
  "rbac/v1.PolicyRule": [fields({ verbs: neededBecause("verbs must contain at least one value") })],
  "rbac/v1.RoleBinding": [roleRef("Role", "ClusterRole")],
  "rbac/v1.ClusterRoleBinding": [roleRef("ClusterRole")],
  "rbac/v1.Subject": [fields({ name: needed, kind: oneOf("ServiceAccount", "User", "Group") }), subject],
};
