/** A blob from a registry: goes on by `Range` where a connection was cut, and never gives more bytes than the descriptor says. */
import type { Descriptor } from "../../store/oci.ts";
import { RegistryError } from "../errors.ts";
import { answerError } from "./answer-error.ts";
import type { Answer } from "./connection.ts";
import type { Remote } from "./remote.ts";
import { pause } from "./retry.ts";

export interface DownloadOptions {
  readonly path: string;
  readonly scopes: readonly string[];
  readonly onBytes?: ((count: number) => void) | undefined;
}

/** A connection that brought fewer bytes than this before it was cut counts as a failure, or a server could keep us for ever. */
const PROGRESS_BYTES = 64 << 10;

/** Whoever takes the bytes verifies their digest. @throws {RegistryError} `BLOB_UNKNOWN`, `SIZE_INVALID` */
export async function* download(remote: Remote, descriptor: Descriptor, offset: number, options: DownloadOptions): AsyncGenerator<Uint8Array> {
  let at = offset;
  for (let failures = 0; at < descriptor.size || at === 0;) {
    const before = at;
    try {
      for await (const chunk of await bodyFrom(remote, descriptor, at, options)) {
        at += chunk.length;
        if (at > descriptor.size) throw tooLong(descriptor);
        options.onBytes?.(chunk.length);
        yield chunk;
      }
      if (at === descriptor.size) return;
      throw new RegistryError("UNREACHABLE", `Cannot download ${descriptor.digest}: ${at} of ${descriptor.size} bytes came`);
    } catch (error) {
      remote.signal?.throwIfAborted();
      failures = at - before >= PROGRESS_BYTES ? 1 : failures + 1;
      if (!isCut(error) || failures >= remote.policy.attempts) throw error instanceof RegistryError ? error : cut(descriptor, error);
      await pause(remote.policy, failures, remote.signal);
    }
  }
}

async function bodyFrom(remote: Remote, descriptor: Descriptor, at: number, { path, scopes }: DownloadOptions): Promise<AsyncIterable<Uint8Array>> {
  const headers: Record<string, string> = at === 0 ? {} : { range: `bytes=${at}-` };
  const answer = await remote.exchange({ method: "GET", path, scopes, headers });
  if (answer.status === 206 && answer.headers["content-range"]?.startsWith(`bytes ${at}-`) === true) return answer.body;
  if (answer.status === 200) {
    checkLength(answer, descriptor);
    return at === 0 ? answer.body : skip(answer.body, at);
  }
  throw await answerError(answer, `download ${descriptor.digest}`, "BLOB_UNKNOWN");
}

function checkLength({ headers, body }: Answer, descriptor: Descriptor): void {
  const length = headers["content-length"];
  if (length === undefined || Number(length) === descriptor.size) return;
  body.on("error", () => {}).destroy();
  throw new RegistryError("SIZE_INVALID", `Cannot download ${descriptor.digest}: the registry offers ${length} bytes where ${descriptor.size} are expected`);
}

async function* skip(content: AsyncIterable<Uint8Array>, count: number): AsyncGenerator<Uint8Array> {
  let left = count;
  for await (const chunk of content) {
    if (left >= chunk.length) left -= chunk.length;
    else {
      yield chunk.subarray(left);
      left = 0;
    }
  }
}

/** A socket error in the middle of a body, or an end before its time. */
function isCut(error: unknown): boolean {
  return !(error instanceof RegistryError) || error.code === "UNREACHABLE";
}

function tooLong({ digest, size }: Descriptor): RegistryError {
  return new RegistryError("SIZE_INVALID", `Cannot download ${digest}: more than ${size} bytes came`);
}

function cut({ digest }: Descriptor, cause: unknown): RegistryError {
  return new RegistryError("UNREACHABLE", `Cannot download ${digest}: the connection was cut`, { cause });
}
