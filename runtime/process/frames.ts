/**
 * Frames between a monitor and its clients, on the control socket and on attach.sock: u8 type, u32 little-endian length, payload.
 * A client gets `failed`, `started` and `exit` always, output only after `attach`. The monitor waits for the slowest client.
 */

export const FRAME = {
  /** Bytes of stdout, or of the terminal. */
  output: 1,
  error: 2,
  /** JSON of the file `pid`. */
  ready: 3,
  /** RFC 3339 time of execve. */
  started: 4,
  /** step NUL object NUL errno name NUL */
  failed: 5,
  /** JSON of exit.json; the last frame. */
  exit: 6,
  /** The pid, as text: hooks outside of the container may run now, and `hooked` lets it go on. */
  hooks: 7,
  attach: 16,
  /** Bytes for stdin. */
  input: 17,
  /** End of stdin; for a terminal, ^D. */
  close: 18,
  /** u16 width, u16 height. */
  resize: 19,
  /** Lets a created program go. */
  start: 20,
  hooked: 21,
} as const;

export interface Frame {
  readonly type: number;
  readonly payload: Buffer;
}

const HEADER_BYTES = 5;

export function encodeFrame(type: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  frame.writeUInt8(type, 0);
  frame.writeUInt32LE(payload.length, 1);
  frame.set(payload, HEADER_BYTES);
  return frame;
}

export function encodeResize({ width, height }: { readonly width: number; readonly height: number }): Buffer {
  const size = Buffer.allocUnsafe(4);
  size.writeUInt16LE(Math.min(width, 0xffff), 0);
  size.writeUInt16LE(Math.min(height, 0xffff), 2);
  return encodeFrame(FRAME.resize, size);
}

/** Cuts a byte stream into frames: give it chunks, take what is whole. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  *feed(chunk: Buffer): Iterable<Frame> {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + bytes.readUInt32LE(1);
      if (bytes.length < end) break;
      yield { type: bytes.readUInt8(0), payload: bytes.subarray(HEADER_BYTES, end) };
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
  }
}
