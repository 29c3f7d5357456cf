/** SPDY/3.1 frames: what comes in, parsed as it arrives; what goes out, as bytes. Spec: SPDY protocol draft 3.1, section 2. */

export type Frame =
  | { readonly kind: "data"; readonly stream: number; readonly fin: boolean; readonly data: Buffer }
  | { readonly kind: "control"; readonly type: number; readonly flags: number; readonly payload: Buffer };

export const CONTROL = { synStream: 1, synReply: 2, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 9 } as const;

const HEADER_BYTES = 8;
const VERSION = 0x8003;
const FIN = 1;
/** Larger data goes out in several frames. */
const MAX_DATA_BYTES = 64 * 1024;

/** Splits bytes into frames, whatever the pieces they come in. */
export class FrameReader {
  #pieces: Buffer[] = [];
  #size = 0;

  push(piece: Buffer): Frame[] {
    this.#pieces.push(piece);
    this.#size += piece.length;
    if (this.#size < HEADER_BYTES) return [];
    let bytes = this.#pieces.length === 1 ? piece : Buffer.concat(this.#pieces);
    const frames: Frame[] = [];
    for (;;) {
      const frame = parseFrame(bytes);
      if (frame === undefined) break;
      frames.push(frame.frame);
      bytes = bytes.subarray(frame.size);
    }
    this.#pieces = bytes.length === 0 ? [] : [bytes];
    this.#size = bytes.length;
    return frames;
  }
}

function parseFrame(bytes: Buffer): { readonly frame: Frame; readonly size: number } | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  const length = bytes.readUIntBE(5, 3);
  const size = HEADER_BYTES + length;
  if (bytes.length < size) return undefined;
  const flags = bytes[4]!;
  const payload = bytes.subarray(HEADER_BYTES, size);
  if (bytes[0]! < 0x80) return { frame: { kind: "data", stream: bytes.readUInt32BE(0), fin: (flags & FIN) !== 0, data: payload }, size };
  return { frame: { kind: "control", type: bytes.readUInt16BE(2), flags, payload }, size };
}

export function isFinal(flags: number): boolean {
  return (flags & FIN) !== 0;
}

export function dataFrames(stream: number, data: Uint8Array, fin: boolean): Buffer[] {
  const frames: Buffer[] = [];
  for (let start = 0; start === 0 || start < data.length; start += MAX_DATA_BYTES) {
    const part = data.subarray(start, start + MAX_DATA_BYTES);
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32BE(stream, 0);
    header[4] = fin && start + MAX_DATA_BYTES >= data.length ? FIN : 0;
    header.writeUIntBE(part.length, 5, 3);
    frames.push(header, Buffer.from(part.buffer, part.byteOffset, part.length));
  }
  return frames;
}

export function controlFrame(type: number, payload: Buffer, flags = 0): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(VERSION, 0);
  header.writeUInt16BE(type, 2);
  header[4] = flags;
  header.writeUIntBE(payload.length, 5, 3);
  return Buffer.concat([header, payload]);
}

export function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index);
  return bytes;
}
