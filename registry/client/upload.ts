/** A blob to a registry: mounted where it can be, else streamed; goes on where the connection was cut. Spec: distribution-spec v1.1, "Pushing blobs". */
import type { Descriptor } from "../../store/oci.ts";
import type { GrowingBlob } from "../../store/content.ts";
import { RegistryError } from "../errors.ts";
import { PROOF_HEADER } from "../identity.ts";
import { answerError } from "./answer-error.ts";
import { resolveUrl, type Answer } from "./connection.ts";
import type { Remote } from "./remote.ts";
import { Tracked } from "./tracked.ts";
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
const CANCEL_MS = 5_000;

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
  await orCancelled(remote, start, options, async () => {
    if (descriptor.size <= SMALL_BYTES) await finish(remote, descriptor, start, options, await tracked.whole(descriptor));
    else await finish(remote, descriptor, await stream(remote, descriptor, { location: start, at: 0 }, options, tracked), options);
  });
  return "pushed";
}

/**
 * Content that is made meanwhile: its digest is needed at the end only. What a cut connection left unsent is sent once it is whole.
 * `layer` is what it is called until then. @throws {RegistryError}, and what its making failed with
 */
export async function uploadGrowing(remote: Remote, layer: Descriptor, growing: GrowingBlob, options: UploadOptions): Promise<Descriptor> {
  const session = await beginAlone(remote, layer, options);
  return await orCancelled(remote, session, options, async () => await sendGrowing(remote, layer, growing, session, options));
}

async function sendGrowing(remote: Remote, layer: Descriptor, growing: GrowingBlob, session: string, options: UploadOptions): Promise<Descriptor> {
  const content = new Tracked(
    { file: growing, from: (offset) => growing.from(offset), [Symbol.asyncIterator]: () => growing.from(0)[Symbol.asyncIterator]() },
    options.onBytes,
  );
  const sent = await patch(remote, { digest: layer.digest }, { location: session, at: 0 }, options, content);
  content.throwIfBroken();
  if (!(sent instanceof URL) && !sent.passing) throw sent.error;
  const { digest, size } = await growing.digest;
  const packed = { mediaType: layer.mediaType, digest, size };
  const location = sent instanceof URL ? sent.href : await stream(remote, packed, { location: session, at: 0, failure: sent }, options, content);
  await finish(remote, packed, location, options);
  return packed;
}

/** What will not be finished need not be kept there: the registry is told, where it can be reached. */
async function orCancelled<T>(remote: Remote, session: string, { scopes }: UploadOptions, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof RegistryError && error.code === "UNREACHABLE"))
      await remote
        .exchange({ method: "DELETE", path: session, scopes, retry: false, signal: AbortSignal.timeout(CANCEL_MS) })
        .then(async ({ body }) => await body.dump())
        .catch(() => {}); // it expires
    throw error;
  }
}

/** URL of a session for content that nobody has. */
async function beginAlone(remote: Remote, descriptor: Descriptor, options: UploadOptions): Promise<string> {
  const session = await begin(remote, descriptor, { ...options, mountFrom: undefined, proof: undefined });
  if (session === "mounted") throw new RegistryError("PROTOCOL", `Cannot push ${descriptor.digest} to ${remote.host}: it was mounted unasked`);
  return session;
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

async function stream(remote: Remote, descriptor: Descriptor, session: Session, options: UploadOptions, content: Tracked): Promise<string> {
  let { location, at, failure } = session;
  for (let failures = 0, furthest = at; ;) {
    const outcome = failure ?? (await patch(remote, descriptor, { location, at }, options, content));
    if (outcome instanceof URL) return outcome.href;
    failure = undefined;
    content.throwIfBroken();
    failures += 1;
    if (!outcome.passing || failures >= remote.policy.attempts || !content.replayable) throw outcome.error;
    await pause(remote.policy, failures, remote.signal);
    ({ at, location } = await reached(remote, descriptor, location, options));
    if (at === descriptor.size) return location; // only the answer was lost
    if (at > furthest) failures = 0; // who goes back and forth gets nowhere
    furthest = Math.max(furthest, at);
  }
}

/** Where the registry says that it is. One that has forgotten the session gets another. */
async function reached(remote: Remote, descriptor: Descriptor, location: string, options: UploadOptions): Promise<Session> {
  const status = await remote.exchange({ method: "GET", path: location, scopes: options.scopes });
  if (status.status === 404) {
    await status.body.dump();
    return { location: await beginAlone(remote, descriptor, options), at: 0 };
  }
  const place = `${remote.host}/${options.repository}`;
  if (status.status !== 204) throw await answerError(status, `go on pushing ${descriptor.digest} to ${place}`, "BLOB_UPLOAD_UNKNOWN");
  await status.body.dump();
  const at = received(status);
  if (at <= descriptor.size) return { location: locationOf(status, location), at };
  throw new RegistryError("PROTOCOL", `Cannot go on pushing ${descriptor.digest} to ${place}: it says that it has ${at} bytes of ${descriptor.size}`);
}

/** Where an upload is: the URL of its session, and how many bytes that has. */
interface Session {
  readonly location: string;
  readonly at: number;
  /** What ended the last attempt. */
  readonly failure?: Failure | undefined;
}

interface Failure {
  readonly passing: boolean;
  readonly error: unknown;
}

/** Without a size it ends when its content does. */
type Unsized = Pick<Descriptor, "digest"> & Partial<Pick<Descriptor, "size">>;

/** The session's next URL, or what went wrong. */
async function patch(
  remote: Remote,
  { digest, size }: Unsized,
  from: Session,
  { scopes, repository }: UploadOptions,
  content: Tracked,
): Promise<URL | Failure> {
  const { location, at } = from;
  const headers = {
    "content-type": "application/octet-stream",
    ...(size === undefined ? {} : { "content-length": String(size - at) }),
    ...(size === undefined || at === 0 ? {} : { "content-range": `${at}-${size - 1}` }),
  };
  try {
    const answer = await remote.exchange({ method: "PATCH", path: location, scopes, headers, retry: false, body: () => content.body(at, size) });
    if (answer.status !== 202)
      return {
        passing: isPassing(answer.status) || answer.status === 416,
        error: await answerError(answer, `push ${digest} to ${remote.host}/${repository}`, "BLOB_UPLOAD_UNKNOWN"),
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
