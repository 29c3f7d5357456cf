/** Labels in a row of a list: all of them as one text, and each by `{{.Label "key"}}`, which JSON leaves out. */
export interface LabelFields {
  readonly Labels: string;
  readonly Label: (key: unknown) => string;
}

export function labelFields(labels: Readonly<Record<string, string>>): LabelFields {
  return {
    Labels: Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(","),
    Label: (key) => (Object.hasOwn(labels, String(key)) ? (labels[String(key)] ?? "") : ""),
  };
}
