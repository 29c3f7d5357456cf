/** How an instruction's text falls into words. Quotes and escapes stay: they are the substitution's business. */

type Phase = "spaces" | "word" | "quote";

/** Words of ENV, LABEL and ARG: blanks inside quotes or after an escape do not split. */
export function shellWords(text: string, escape: string): string[] {
  const words: string[] = [];
  let phase: Phase = "spaces";
  let quote = "";
  let word = "";
  let blankIsWord = false;
  const push = (): void => {
    if (blankIsWord || word !== "") words.push(word);
    [word, blankIsWord] = ["", false];
  };
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? "";
    if (phase !== "quote" && /\s/.test(char)) {
      if (phase === "word") push();
      phase = "spaces";
      continue;
    }
    if (phase === "spaces") phase = "word";
    if (char === escape && quote !== "'") {
      if (at + 1 < text.length) word += char + (text[++at] ?? ""); // an escape at the very end says nothing
      continue;
    }
    if (phase === "quote" && char === quote) [phase, quote] = ["word", ""];
    else if (phase === "word" && (char === "'" || char === '"')) [phase, quote, blankIsWord] = ["quote", char, true];
    word += char;
  }
  push();
  return words;
}

/** Words of FROM, EXPOSE, COPY…: only blanks split. */
export function plainWords(text: string): string[] {
  return text.split(/[\t\v\f\r ]+/).filter((word) => word !== "");
}

export type JsonWords = { readonly kind: "words"; readonly words: readonly string[] } | { readonly kind: "other" } | { readonly kind: "not-strings" };

/** The exec form: a JSON array of strings; anything else that is no array falls back to the shell form. */
export function jsonWords(text: string): JsonWords {
  if (!text.startsWith("[")) return { kind: "other" };
  try {
    const value: unknown = JSON.parse(text);
    if (!Array.isArray(value)) return { kind: "other" };
    return value.every((word) => typeof word === "string") ? { kind: "words", words: value } : { kind: "not-strings" };
  } catch {
    return { kind: "other" };
  }
}
