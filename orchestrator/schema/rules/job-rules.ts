/** What a Job's spec must hold, with the API server's words. The same for a Job and for the template of a CronJob. */
import { invalid, notSupported, required, type FieldError } from "../field-error.ts";
import { fields, notNegative, oneOf, type StructRule } from "./field-rules.ts";
import { failurePolicy, successPolicy } from "./job-policy-rules.ts";
import { labelProblem } from "../names.ts";
import type { RuleTable } from "./rule-table.ts";
import { matchesSelector } from "../selector.ts";
import { templateMounts } from "./struct-rules.ts";

const MAX_PARALLELISM = 100_000;
const MAX_FAILED_INDEXES = 100_000;
/** From here on, limits by index are narrower. */
const HIGH_COMPLETIONS = 100_000;
const HIGH_PARALLELISM = 10_000;
const HIGH_FAILED_INDEXES = 10_000;

const restartPolicy: StructRule = ({ template, podFailurePolicy }, path) => {
  const at = `${path}.template.spec.restartPolicy`;
  const policy = template?.spec?.restartPolicy ?? "Always";
  if (policy === "Always") return [required(at, 'valid values: "OnFailure", "Never"')];
  if (policy !== "OnFailure" && policy !== "Never") return [notSupported(at, policy, ["OnFailure", "Never"])];
  return podFailurePolicy !== undefined && policy !== "Never" ? [invalid(at, policy, 'only "Never" is supported when podFailurePolicy is specified')] : [];
};

const byIndex: StructRule = (spec, path) => {
  const { completionMode, backoffLimitPerIndex, maxFailedIndexes, successPolicy: policy } = spec;
  const lost =
    maxFailedIndexes !== undefined && backoffLimitPerIndex === undefined
      ? [required(`${path}.backoffLimitPerIndex`, "when maxFailedIndexes is specified")]
      : [];
  if (completionMode === "Indexed") return [...lost, ...indexed(spec, path)];
  const needs = Object.entries({ backoffLimitPerIndex, maxFailedIndexes }).flatMap(([name, value]) =>
    value === undefined ? [] : [invalid(`${path}.${name}`, value, "requires indexed completion mode")],
  );
  return [...lost, ...needs, ...(policy === undefined ? [] : [invalid(`${path}.successPolicy`, policy, "requires indexed completion mode")])];
};

function indexed({ completions, parallelism, backoffLimitPerIndex, maxFailedIndexes }: any, path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const atMost = (name: string, value: number | undefined, limit: number, words = ""): void => {
    if (value !== undefined && value > limit) errors.push(invalid(`${path}.${name}`, value, `must be less than or equal to ${limit}${words}`));
  };
  if (completions === undefined) errors.push(required(`${path}.completions`, "when completion mode is Indexed"));
  atMost("parallelism", parallelism, MAX_PARALLELISM, " when completion mode is Indexed");
  if (completions !== undefined && maxFailedIndexes !== undefined && maxFailedIndexes > completions)
    errors.push(invalid(`${path}.maxFailedIndexes`, maxFailedIndexes, "must be less than or equal to completions"));
  atMost("maxFailedIndexes", maxFailedIndexes, MAX_FAILED_INDEXES);
  if (completions === undefined || completions <= HIGH_COMPLETIONS || backoffLimitPerIndex === undefined) return errors;
  if (maxFailedIndexes === undefined) errors.push(required(`${path}.maxFailedIndexes`, `must be specified when completions is above ${HIGH_COMPLETIONS}`));
  const words = ` when completions are above ${HIGH_COMPLETIONS} and used with backoff limit per index`;
  atMost("parallelism", parallelism, HIGH_PARALLELISM, words);
  atMost("maxFailedIndexes", maxFailedIndexes, HIGH_FAILED_INDEXES, words);
  return errors;
}

const replacementPolicy: StructRule = ({ podReplacementPolicy, podFailurePolicy }, path) =>
  oneOf(...(podFailurePolicy === undefined ? ["Failed", "TerminatingOrFailed"] : ["Failed"]))(podReplacementPolicy, `${path}.podReplacementPolicy`);

const jobSpec: readonly StructRule[] = [
  fields({
    parallelism: notNegative,
    completions: notNegative,
    activeDeadlineSeconds: notNegative,
    backoffLimit: notNegative,
    ttlSecondsAfterFinished: notNegative,
    backoffLimitPerIndex: notNegative,
    maxFailedIndexes: notNegative,
    completionMode: oneOf("NonIndexed", "Indexed"),
  }),
  byIndex,
  failurePolicy,
  successPolicy,
  replacementPolicy,
  restartPolicy,
  templateMounts,
];

const GENERATED = { "controller-uid": "uid", "job-name": "name", "batch.kubernetes.io/controller-uid": "uid", "batch.kubernetes.io/job-name": "name" } as const;

/** The selector picks the pods that the Job makes; unless it was chosen by hand, by labels that no other Job has. */
const ownSelector: StructRule = ({ metadata, spec }) => {
  const { selector, manualSelector, template = {} } = spec;
  const labels: Readonly<Record<string, string>> = template.metadata?.labels ?? {};
  const at = "spec.template.metadata.labels";
  const own = Object.entries(GENERATED).map(([label, source]): [string, string] => [label, metadata[source]]);
  const wrong = manualSelector === true ? [] : own.filter(([label, value]) => labels[label] !== value);
  const foreign = manualSelector === true || selector === undefined || matchesSelector(selector, Object.fromEntries(own));
  return [
    ...wrong.map(([label, value]) =>
      labels[label] === undefined ? required(`${at}[${label}]`, `must be '${value}'`) : invalid(`${at}[${label}]`, labels, `must be '${value}'`),
    ),
    ...(foreign ? [] : [invalid("spec.selector", selector, "`selector` not auto-generated")]),
    ...(selector === undefined
      ? [required("spec.selector")]
      : matchesSelector(selector, labels)
        ? []
        : [invalid(at, labels, "`selector` does not match template `labels`")]),
  ];
};

/** The name of the last index's pod is a hostname. */
const indexNames: StructRule = ({ metadata, spec: { completionMode, completions } }) => {
  if (completionMode !== "Indexed" || completions === undefined || completions <= 0) return [];
  const host = `${metadata.name}-${completions - 1}`;
  return labelProblem(host) === undefined ? [] : [invalid("metadata.name", metadata.name, `will not able to create pod with invalid DNS label: ${host}`)];
};

export const jobRules: RuleTable = { "batch/v1.Job": [ownSelector, indexNames], "batch/v1.JobSpec": jobSpec };
