/** A reply's body that may be part of a file: the kernel sends that by itself where it can. Read as any other body where it cannot. */

export interface FilePart {
  /** Nothing need be there. */
  readonly path: string;
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

export interface FileBody extends AsyncIterable<Uint8Array> {
  readonly part: FilePart;
}

/** `content` is the same bytes. */
export function fileBody(part: FilePart, content: AsyncIterable<Uint8Array>): FileBody {
  return { part, [Symbol.asyncIterator]: () => content[Symbol.asyncIterator]() };
}
