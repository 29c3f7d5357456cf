/** HTML written so that nothing which a client pushed can become markup. */

export interface Html {
  readonly html: string;
}

type Part = string | number | Html | readonly Html[];

/** Tag of a template: strings in it are text, `Html` is markup. */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return { html: texts.map((text, index) => text + (index < parts.length ? show(parts[index] ?? "") : "")).join("") };
}

function show(part: Part): string {
  if (typeof part === "string" || typeof part === "number") return escape(String(part));
  return Array.isArray(part) ? (part as readonly Html[]).map((one) => one.html).join("") : (part as Html).html;
}

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
