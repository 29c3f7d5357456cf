/** Classic BPF with labels. Jumps go forward; a conditional one reaches 255 instructions, `jumpUnlessFar` any distance. Source: linux/filter.h. */

export type Label = { at: number };
export type Comparison = "eq" | "gt" | "ge";

interface Instruction {
  readonly code: number;
  readonly k: number;
  readonly yes?: Label;
  readonly no?: Label;
  /** An unconditional jump. */
  readonly to?: Label;
}

const LOAD_WORD = 0x20;
const AND = 0x54;
const RETURN = 0x06;
const JUMP = 0x05;
const COMPARE: Readonly<Record<Comparison, number>> = { eq: 0x15, gt: 0x25, ge: 0x35 };
const INSTRUCTION_BYTES = 8;

export class Assembler {
  readonly #code: Instruction[] = [];

  get length(): number {
    return this.#code.length;
  }

  label(): Label {
    return { at: -1 };
  }

  /** The label stands for the next instruction. */
  place(label: Label): void {
    label.at = this.#code.length;
  }

  load(offset: number): void {
    this.#code.push({ code: LOAD_WORD, k: offset });
  }

  and(mask: number): void {
    this.#code.push({ code: AND, k: mask });
  }

  answer(action: number): void {
    this.#code.push({ code: RETURN, k: action });
  }

  jumpIf(comparison: Comparison, value: number, yes: Label): void {
    this.#code.push({ code: COMPARE[comparison], k: value, yes });
  }

  jumpUnless(comparison: Comparison, value: number, no: Label): void {
    this.#code.push({ code: COMPARE[comparison], k: value, no });
  }

  jumpUnlessFar(comparison: Comparison, value: number, no: Label): void {
    const next = this.label();
    this.jumpIf(comparison, value, next);
    this.#code.push({ code: JUMP, k: 0, to: no });
    this.place(next);
  }

  /** struct sock_filter: u16 code, u8 jump-true, u8 jump-false, u32 k. */
  bytes(): Uint8Array {
    const bytes = Buffer.alloc(this.#code.length * INSTRUCTION_BYTES);
    for (const [index, one] of this.#code.entries()) {
      const distance = (label: Label | undefined): number => (label === undefined ? 0 : label.at - index - 1);
      const at = index * INSTRUCTION_BYTES;
      bytes.writeUInt16LE(one.code, at);
      bytes.writeUInt8(distance(one.yes), at + 2);
      bytes.writeUInt8(distance(one.no), at + 3);
      bytes.writeUInt32LE((one.to === undefined ? one.k : distance(one.to)) >>> 0, at + 4);
    }
    return bytes;
  }
}
