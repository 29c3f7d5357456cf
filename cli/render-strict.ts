/** One object by a template that must not ask for what is not there. The parser is loaded only for it. */
export async function renderStrict(template: string, object: object): Promise<string> {
  const [{ renderTemplate }, { strictField }] = await Promise.all([import("./template.ts"), import("./template-strict.ts")]);
  return renderTemplate(template, object, strictField);
}
