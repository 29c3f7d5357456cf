/** The kernel's classic BPF machine, as far as seccomp filters use it: runs a compiled filter on one system call. */

export interface Call {
  /** AUDIT_ARCH_* */
  readonly arch: number;
  readonly nr: number;
  readonly args?: readonly bigint[];
}

export interface Run {
  readonly action: number;
  readonly steps: number;
}

export function runFilter(program: Uint8Array, call: Call): Run {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(call.nr >>> 0, 0);
  data.writeUInt32LE(call.arch >>> 0, 4);
  for (const [index, value] of (call.args ?? []).entries()) data.writeBigUInt64LE(BigInt.asUintN(64, value), 16 + index * 8);
  const code = Buffer.from(program);
  let accumulator = 0;
  for (let at = 0, steps = 1; at * 8 < code.length; steps++) {
    const [operation, yes, no, k] = [code.readUInt16LE(at * 8), code.readUInt8(at * 8 + 2), code.readUInt8(at * 8 + 3), code.readUInt32LE(at * 8 + 4)];
    const jump = (holds: boolean): number => at + 1 + (holds ? yes : no);
    switch (operation) {
      case 0x20:
        accumulator = data.readUInt32LE(k);
        at += 1;
        break;
      case 0x54:
        accumulator = (accumulator & k) >>> 0;
        at += 1;
        break;
      case 0x05:
        at += 1 + k;
        break;
      case 0x15:
        at = jump(accumulator === k);
        break;
      case 0x25:
        at = jump(accumulator > k);
        break;
      case 0x35:
        at = jump(accumulator >= k);
        break;
      case 0x06:
        return { action: k, steps };
      default:
        throw new Error(`No such instruction: ${operation}`);
    }
  }
  throw new Error("The program has no end");
}
