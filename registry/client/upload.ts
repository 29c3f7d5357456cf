/** A blob to a registry: mounted where it can be, else streamed; goes on where the connection was cut. Spec: distribution-spec v1.1, "Pushing blobs". */
import type { Descriptor } from "../../store/oci.ts";
import { RegistryError } from "../errors.ts";
import { PROOF_HEADER } from "../identity.ts";
import { answerError } from "./answer-error.ts";
import { resolveUrl, type Answer } from "./connection.ts";
import type { Remote } from "./remote.ts";
import { isReplayable } from "./replayable.ts";
import { isPassing, pause } from "./retry.ts";

export interface UploadOptions {
  readonly repository: string;
  readonly scopes: readonly string[];
  /** Another repository of the registry that has the blob. */
  readonly mountFrom?: string | undefined;
  /** Shows that the registry's store is ours. */
  readonly proof?: string | undefined;
  readonly onBytes?: ((count: number) => void) | undefined;
}

/** Content up to this size goes in the closing PUT: a request less. */
const SMALL_BYTES = 64 << 10;

/** Resolves once the registry has verified it. @throws {RegistryError} */
export async function upload(
  remote: Remote,
  descriptor: Descriptor,
  content: AsyncIterable<Uint8Array>,
  options: UploadOptions,
): Promise<"mounted" | "pushed"> {
  const start = await begin(remote, descriptor, options);
  if (start === "mounted") return start;
  const tracked = new Tracked(content, options.onBytes);
  if (descriptor.size <= SMALL_BYTES) await finish(remote, descriptor, start, options, await tracked.whole(descriptor));
  else await finish(remote, descriptor, await stream(remote, descriptor, start, options, tracked), options);
  return "pushed";
}

/** URL of the session. */
async function begin(remote: Remote, descriptor: Descriptor, options: UploadOptions): Promise<string | "mounted"> {
  const { repository, mountFrom } = options;
  const answer = await open(remote, descriptor, options).catch((error: unknown) => {
    if (mountFrom !== undefined && error instanceof RegistryError && error.code !== "UNREACHABLE") return undefined; // no right to the other repository
    throw error;
  });
  if (answer?.status === 201 || answer?.status === 202) {
    await answer.body.dump();
    return answer.status === 201 ? "mounted" : locationOf(answer);
  }
  if (mountFrom === undefined) throw await answerError(answer!, `push ${descriptor.digest} to ${remote.host}/${repository}`, "NAME_UNKNOWN");
  await answer?.body.dump();
  return await begin(remote, descriptor, { ...options, mountFrom: undefined }); // a registry that knows no mounts
}

async function open(remote: Remote, { digest }: Descriptor, { repository, scopes, mountFrom, proof }: UploadOptions): Promise<Answer> {
  const from = mountFrom === undefined ? {} : { from: mountFrom };
  const query = mountFrom === undefined && proof === undefined ? "" : `?${new URLSearchParams({ mount: digest, ...from }).toString()}`;
  const headers = { "content-length": "0", ...(proof === undefined ? {} : { [PROOF_HEADER]: proof }) };
  const needed = mountFrom === undefined ? scopes : [...scopes, `repository:${mountFrom}:pull`];
  return await remote.exchange({ method: "POST", path: `/v2/${repository}/blobs/uploads/${query}`, scopes: needed, headers });
}

async function stream(remote: Remote, descriptor: Descriptor, session: string, options: UploadOptions, content: Tracked): Promise<string> {
  let location = session;
  let at = 0;
  for (let failures = 0; ;) {
    const failure = await patch(remote, descriptor, { location, at }, options, content);
    if (failure instanceof URL) return failure.href;
    content.throwIfBroken();
    failures += 1;
    if (!failure.passing || failures >= remote.policy.attempts || !content.replayable) throw failure.error;
    await pause(remote.policy, failures, remote.signal);
    const status = await remote.exchange({ method: "GET", path: location, scopes: options.scopes });
    if (status.status !== 204)
      throw await answerError(status, `go on pushing ${descriptor.digest} to ${remote.host}/${options.repository}`, "BLOB_UPLOAD_UNKNOWN");
    await status.body.dump();
    const reached = received(status);
    if (reached > at) failures = 0;
    at = reached;
    location = locationOf(status, location);
  }
}

interface Failure {
  readonly passing: boolean;
  readonly error: unknown;
}

/** The session's next URL, or what went wrong. */
async function patch(
  remote: Remote,
  descriptor: Descriptor,
  from: { location: string; at: number },
  { scopes, repository }: UploadOptions,
  content: Tracked,
): Promise<URL | Failure> {
  const { location, at } = from;
  const left = descriptor.size - at;
  const headers = {
    "content-type": "application/octet-stream",
    "content-length": String(left),
    ...(at === 0 ? {} : { "content-range": `${at}-${descriptor.size - 1}` }),
  };
  try {
    const answer = await remote.exchange({ method: "PATCH", path: location, scopes, headers, retry: false, body: () => content.from(at) });
    if (answer.status !== 202)
      return {
        passing: isPassing(answer.status) || answer.status === 416,
        error: await answerError(answer, `push ${descriptor.digest} to ${remote.host}/${repository}`, "BLOB_UPLOAD_UNKNOWN"),
      };
    await answer.body.dump();
    return new URL(locationOf(answer, location));
  } catch (error) {
    remote.signal?.throwIfAborted();
    return { passing: error instanceof RegistryError && error.code === "UNREACHABLE", error };
  }
}

async function finish(
  remote: Remote,
  descriptor: Descriptor,
  location: string,
  { scopes, repository }: UploadOptions,
  bytes: Uint8Array = new Uint8Array(),
): Promise<void> {
  const url = new URL(location);
  url.searchParams.set("digest", descriptor.digest);
  const headers = { "content-type": "application/octet-stream", "content-length": String(bytes.length) };
  const answer = await remote.exchange({ method: "PUT", path: url.href, scopes, headers, body: () => bytes });
  if (answer.status === 201) return await answer.body.dump();
  const error = await answerError(answer, `push ${descriptor.digest} to ${remote.host}/${repository}`, "BLOB_UPLOAD_UNKNOWN");
  if (error.code === "BLOB_UPLOAD_UNKNOWN" && (await isThere(remote, descriptor, repository, scopes))) return; // an earlier attempt's answer was lost
  throw error;
}

async function isThere(remote: Remote, { digest }: Descriptor, repository: string, scopes: readonly string[]): Promise<boolean> {
  const answer = await remote.exchange({ method: "HEAD", path: `/v2/${repository}/blobs/${digest}`, scopes });
  await answer.body.dump();
  return answer.status === 200;
}

/** Absolute. Some registries answer with a path, some with another host. */
function locationOf({ headers, url }: Answer, fallback?: string): string {
  const location = headers["location"];
  if (location === undefined && fallback === undefined) throw new RegistryError("PROTOCOL", `Cannot push to ${url}: the registry gave no Location`);
  return resolveUrl(location ?? fallback ?? "", url).href;
}

function received({ headers }: Answer): number {
  const last = /^(?:bytes=)?0-(\d+)$/.exec(headers["range"] ?? "")?.[1];
  return last === undefined || last === "0" ? 0 : Number(last) + 1;
}

/** Content as it is sent: counted, and its own failures told apart from the connection's. */
class Tracked {
  readonly replayable: boolean;
  private readonly content: AsyncIterable<Uint8Array>;
  private readonly onBytes: ((count: number) => void) | undefined;
  private failure: { readonly error: unknown } | undefined;

  constructor(content: AsyncIterable<Uint8Array>, onBytes: ((count: number) => void) | undefined) {
    this.content = content;
    this.onBytes = onBytes;
    this.replayable = isReplayable(content);
  }

  async *from(offset: number): AsyncGenerator<Uint8Array> {
    const { content } = this;
    try {
      for await (const chunk of isReplayable(content) ? content.from(offset) : content) {
        this.onBytes?.(chunk.length);
        yield chunk;
      }
    } catch (error) {
      this.failure = { error };
      throw error;
    }
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
}
