/** Finds the detach keys (ctrl-p ctrl-q) in what is typed, also when they come in two pieces. */

const CTRL_P = 0x10;
const CTRL_Q = 0x11;

export interface Typed {
  /** What the program gets. */
  readonly data: Uint8Array;
  readonly detach: boolean;
}

/** A lone ctrl-p is held back until the next key tells whether it begins the sequence. */
export function detachKeys(): (chunk: Uint8Array) => Typed {
  let held = false;
  return (chunk) => {
    const data: number[] = [];
    for (const byte of chunk) {
      if (held && byte === CTRL_Q) return { data: Uint8Array.from(data), detach: true };
      if (held) data.push(CTRL_P);
      held = byte === CTRL_P;
      if (!held) data.push(byte);
    }
    return { data: Uint8Array.from(data), detach: false };
  };
}
