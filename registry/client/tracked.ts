/** Content as it is sent: counted, and its own failures told apart from the connection's. */
import type { Descriptor } from "../../store/oci.ts";
import { RegistryError } from "../errors.ts";
import type { FileBody, FileContent, FileSource } from "./file-content.ts";

type Readable = AsyncIterable<Uint8Array> & Partial<Pick<FileContent, "from" | "file">>;

export class Tracked {
  /** It can be read again from any byte. */
  readonly replayable: boolean;
  private readonly content: Readable;
  private readonly onBytes: ((count: number) => void) | undefined;
  private failure: { readonly error: unknown } | undefined;

  constructor(content: Readable, onBytes: ((count: number) => void) | undefined) {
    this.content = content;
    this.onBytes = onBytes;
    this.replayable = typeof content.from === "function";
  }

  /** A file as one, everything else as what it yields, which has to end at `end`. */
  body(start: number, end: number | undefined): AsyncIterable<Uint8Array> | FileBody {
    const { content, onBytes } = this;
    const read = { [Symbol.asyncIterator]: () => this.from(start, end) };
    return content.file === undefined ? read : { ...read, file: this.watched(content.file), start, onBytes };
  }

  throwIfBroken(): void {
    if (this.failure !== undefined) throw this.failure.error;
  }

  /** @throws {RegistryError} `SIZE_INVALID` */
  async whole({ digest, size }: Descriptor): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of this.from(0)) {
      length += chunk.length;
      if (length > size) break;
      chunks.push(chunk);
    }
    if (length !== size) throw new RegistryError("SIZE_INVALID", `Cannot push ${digest}: its content is not ${size} bytes long`);
    return Buffer.concat(chunks);
  }

  private async *from(offset: number, end?: number): AsyncGenerator<Uint8Array> {
    const { content } = this;
    let at = offset;
    try {
      for await (const chunk of content.from?.(offset) ?? content) {
        at += chunk.length;
        if (end !== undefined && at > end) break;
        this.onBytes?.(chunk.length);
        yield chunk;
      }
      if (end !== undefined && at !== end)
        throw new RegistryError("SIZE_INVALID", `Cannot push a blob of ${end} bytes: its content is ${at < end ? "shorter" : "longer"}`);
    } catch (error) {
      this.failure = { error };
      throw error;
    }
  }

  private watched(file: FileSource): FileSource {
    return {
      path: file.path,
      reach: async (known) => {
        try {
          return await file.reach(known);
        } catch (error) {
          this.failure = { error };
          throw error;
        }
      },
    };
  }
}
