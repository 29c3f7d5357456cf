/** Content that stands in a file, or is being written into one: what carries it may have the kernel send it, or read it like any other. */

export interface FileSource {
  readonly path: string;
  /** Bytes that are there, once they are more than `known` or all. */
  reach(known: number): Promise<number>;
}

export interface FileContent extends AsyncIterable<Uint8Array> {
  readonly file: FileSource;
  /** The same bytes, read. */
  from(offset: number): AsyncIterable<Uint8Array>;
}

/** Part of it as the body of a request; iterated, it is the same bytes. */
export interface FileBody extends AsyncIterable<Uint8Array> {
  readonly file: FileSource;
  readonly start: number;
  readonly onBytes?: ((count: number) => void) | undefined;
}

/** A file that is whole. */
export function fileContent(path: string, size: number, from: (offset: number) => AsyncIterable<Uint8Array>): FileContent {
  return { file: { path, reach: async () => size }, from, [Symbol.asyncIterator]: () => from(0)[Symbol.asyncIterator]() };
}

export function isFileBody(body: unknown): body is FileBody {
  return typeof body === "object" && body !== null && "file" in body && "start" in body;
}
