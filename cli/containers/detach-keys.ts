/** Finds the detach keys (ctrl-p ctrl-q unless told) in what is typed, also when they come in pieces. Spec: docker attach, --detach-keys. */
import { UsageError } from "../errors.ts";

const DEFAULT_KEYS = "ctrl-p,ctrl-q";

export interface Typed {
  /** What the program gets. */
  readonly data: Uint8Array;
  readonly detach: boolean;
}

/** `ctrl-a,x`: single characters, and ctrl- with a letter or one of @ [ \ ] ^ _. @throws {UsageError} */
export function parseDetachKeys(text: string): readonly number[] {
  return text.split(",").map((key) => {
    const [, control] = /^ctrl-([a-z@[\\\]^_])$/i.exec(key) ?? [];
    if (control !== undefined) return control.toUpperCase().charCodeAt(0) - 0x40;
    if (/^[\x20-\x7e]$/.test(key)) return key.charCodeAt(0);
    throw new UsageError(`invalid detach keys (${text}): unknown key ${JSON.stringify(key)}`);
  });
}

/** Keys that may begin the sequence are held back until the next one tells. @throws {UsageError} */
export function detachKeys(text: string = DEFAULT_KEYS): (chunk: Uint8Array) => Typed {
  const keys = parseDetachKeys(text === "" ? DEFAULT_KEYS : text);
  let held = 0; // how many keys of the sequence were typed last
  return (chunk) => {
    const data: number[] = [];
    for (const byte of chunk) {
      const next = longestBeginning(keys, held, byte);
      if (next === keys.length) return { data: Uint8Array.from(data), detach: true };
      data.push(...[...keys.slice(0, held), byte].slice(0, held + 1 - next)); // what can no longer begin it
      held = next;
    }
    return { data: Uint8Array.from(data), detach: false };
  };
}

/** How much of the sequence the held keys and one more end with. */
function longestBeginning(keys: readonly number[], held: number, byte: number): number {
  const typed = [...keys.slice(0, held), byte];
  for (let length = typed.length; length > 0; length--) {
    if (keys.slice(0, length).every((key, at) => key === typed[typed.length - length + at])) return length;
  }
  return 0;
}
