/** Header blocks of SPDY: names and values under one zlib stream a direction. Spec: SPDY protocol draft 3.1, section 2.6.10. */
import { constants, createInflate, type Inflate } from "node:zlib";
import { numbers } from "./spdy-frame.ts";
import { spdyDictionary } from "./spdy-dictionary.ts";

export type SpdyHeaders = ReadonlyMap<string, string>;

/** One connection's incoming blocks, which must be read in order. */
export class HeaderReader implements Disposable {
  readonly #inflate: Inflate = createInflate({ dictionary: spdyDictionary, flush: constants.Z_SYNC_FLUSH });
  #output: Buffer[] = [];

  constructor() {
    this.#inflate.on("data", (piece: Buffer) => this.#output.push(piece));
  }

  async read(block: Buffer): Promise<SpdyHeaders> {
    this.#output = [];
    await new Promise<void>((resolve, reject) => {
      this.#inflate.once("error", reject);
      this.#inflate.write(block, () => {
        this.#inflate.off("error", reject);
        resolve();
      });
    });
    return parseHeaders(Buffer.concat(this.#output));
  }

  [Symbol.dispose](): void {
    this.#inflate.on("error", () => {});
    this.#inflate.destroy();
  }
}

function parseHeaders(bytes: Buffer): SpdyHeaders {
  let offset = 0;
  const number = (): number => {
    offset += 4;
    return bytes.readUInt32BE(offset - 4);
  };
  const text = (): string => {
    const length = number();
    offset += length;
    return bytes.toString("utf8", offset - length, offset);
  };
  const headers = new Map<string, string>();
  for (let left = number(); left > 0; left--) {
    const name = text().toLowerCase();
    headers.set(name, text());
  }
  return headers;
}

/** Blocks without headers, which is all a server must send: a stored block of zlib needs no compressor. */
export class EmptyHeaderWriter {
  #started = false;

  block(): Buffer {
    const zlibHeader = this.#started ? [] : [0x78, 0x01];
    this.#started = true;
    const stored = [0x00, 0x04, 0x00, 0xfb, 0xff];
    const flush = [0x00, 0x00, 0x00, 0xff, 0xff]; // an empty block: Go gives out what it has read when it meets one
    return Buffer.concat([Buffer.from([...zlibHeader, ...stored]), numbers(0), Buffer.from(flush)]);
  }
}
