/** The digest of a file while it is written: a small one's is computed here, a larger one's by a thread that reads what was written. */
import type { Hash } from "node:crypto";
import type { Algorithm, Digest } from "../digest.ts";
import type { FileHash } from "./hash-threads.ts";

/** Starting a thread takes as long as hashing some ten of these. */
const SMALL_BYTES = 2 << 20;

export class RunningDigest implements Disposable {
  readonly #path: string;
  readonly #algorithm: Algorithm;
  #here: Hash | undefined;
  #there: FileHash | undefined;
  /** Of the first `size` bytes, hex. */
  #known: { readonly size: number; readonly hex: string } | undefined;
  #size = 0;

  constructor(path: string, algorithm: Algorithm) {
    this.#path = path;
    this.#algorithm = algorithm;
    this.#here = process.getBuiltinModule("node:crypto").createHash(algorithm);
  }

  /** Of a file whose first `size` bytes somebody hashed by sha256 while writing them. */
  static known(path: string, size: number, hex: string): RunningDigest {
    const digest = new RunningDigest(path, "sha256");
    digest.#known = { size, hex };
    digest.#here = undefined;
    digest.#size = size;
    return digest;
  }

  /** Bytes that it covers. */
  get size(): number {
    return this.#size;
  }

  /** `chunk` is in the file now, behind what was there. */
  async wrote(chunk: Uint8Array): Promise<void> {
    if (this.#size + chunk.length <= SMALL_BYTES && this.#here !== undefined) {
      this.#size += chunk.length;
      this.#here.update(chunk);
    } else await this.grow(this.#size + chunk.length);
  }

  /** The file has `size` bytes now, which are read for it. */
  async grow(size: number): Promise<void> {
    this.#size = size;
    this.#here = undefined;
    (await this.#thread()).grow(size);
  }

  /** Can be asked for again. */
  async digest(): Promise<Digest> {
    const known = this.#known?.size === this.#size ? this.#known.hex : this.#here?.copy().digest("hex");
    return `${this.#algorithm}:${known ?? (await (await this.#thread()).digest(this.#size))}` as Digest;
  }

  [Symbol.dispose](): void {
    this.#there?.drop();
  }

  /** From the beginning: what was hashed here is little. */
  async #thread(): Promise<FileHash> {
    if (this.#there !== undefined) return this.#there;
    const { hashFile } = await import("./hash-threads.ts");
    return (this.#there ??= hashFile(this.#path, this.#algorithm));
  }
}
