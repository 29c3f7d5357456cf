/** Rules of labels and annotations. Spec: "Labels and Selectors", "Annotations". */
import { invalid, tooLong, type FieldError } from "./field-error.ts";
import { labelValueProblem, qualifiedNameProblem } from "./names.ts";

const MAX_ANNOTATION_BYTES = 256 * 1024;

export function validateLabels(labels: Readonly<Record<string, string>> | undefined, path: string): FieldError[] {
  return Object.entries(labels ?? {}).flatMap(([key, value]) => {
    const keyProblem = qualifiedNameProblem(key);
    const valueProblem = labelValueProblem(value);
    return [...(keyProblem === undefined ? [] : [invalid(path, key, keyProblem)]), ...(valueProblem === undefined ? [] : [invalid(path, value, valueProblem)])];
  });
}

export function validateAnnotations(annotations: Readonly<Record<string, string>> | undefined, path: string): FieldError[] {
  const entries = Object.entries(annotations ?? {});
  const bytes = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  const problems = entries.flatMap(([key]) => {
    const problem = qualifiedNameProblem(key.toLowerCase());
    return problem === undefined ? [] : [invalid(path, key, problem)];
  });
  return bytes > MAX_ANNOTATION_BYTES ? [...problems, tooLong(path, MAX_ANNOTATION_BYTES)] : problems;
}
