/** GET of pods/log: what a container printed, and what it prints from now on. */
import type { KubeObject, PodLogOptions } from "../cluster.ts";
import { ApiError, badRequest } from "../errors.ts";
import type { Reply } from "../../http/message.ts";
import type { Call } from "../api/call.ts";
import { current } from "../api/read.ts";
import { chooseContainer } from "./container.ts";

const HEADERS = { "content-type": "text/plain", "cache-control": "no-cache, private" };

export async function log(call: Call): Promise<Reply> {
  const { request, api } = call;
  const { query } = request;
  const pod = current(call);
  const container = chooseContainer(pod, query.get("container") ?? undefined, true);
  const options = logOptions(query, container, AbortSignal.any([request.signal, request.closing]));
  checkStarted(pod, container, options.previous);
  const streams = api.streams();
  if (streams === undefined) throw new ApiError("ServiceUnavailable", "the node agent is not up yet");
  const chunks = streams.logs(pod, options)[Symbol.asyncIterator]();
  if (options.follow) return { status: 200, headers: HEADERS, body: resume(chunks) };
  const first = await chunks.next(); // what fails at once fails as a Status
  return { status: 200, headers: HEADERS, body: resume(chunks, first) };
}

async function* resume(chunks: AsyncIterator<Uint8Array>, first?: IteratorResult<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    for (let next = first ?? (await chunks.next()); next.done !== true; next = await chunks.next()) yield next.value;
  } finally {
    await chunks.return?.();
  }
}

/** @throws {ApiError} `BadRequest` */
export function logOptions(query: URLSearchParams, container: string, signal: AbortSignal): PodLogOptions {
  const flag = (name: string): boolean => query.get(name) === "true" || query.get(name) === "1";
  const number = (name: "tailLines" | "sinceSeconds" | "limitBytes"): Partial<PodLogOptions> => {
    const text = query.get(name);
    if (text === null) return {};
    if (!/^\d+$/.test(text)) throw badRequest(`Invalid value: ${JSON.stringify(text)}: ${name} must be a number that is not negative`);
    return { [name]: Number(text) };
  };
  const since = query.get("sinceTime");
  return {
    container,
    follow: flag("follow"),
    previous: flag("previous"),
    timestamps: flag("timestamps"),
    ...number("tailLines"),
    ...number("sinceSeconds"),
    ...number("limitBytes"),
    ...(since !== null && { sinceTime: since }),
    signal,
  };
}

interface ContainerStatus {
  readonly name: string;
  readonly state?: { readonly waiting?: { readonly reason?: string } };
  readonly lastState?: { readonly terminated?: object };
}

type PodStatus = { readonly [list in "initContainerStatuses" | "containerStatuses" | "ephemeralContainerStatuses"]?: readonly ContainerStatus[] };

/** @throws {ApiError} `BadRequest` when the container has not run, or not before */
function checkStarted({ metadata, status }: KubeObject, container: string, previous: boolean): void {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = (status ?? {}) as PodStatus;
  const all = [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses];
  const found = all.find(({ name }) => name === container);
  if (previous && found?.lastState?.terminated === undefined)
    throw badRequest(`previous terminated container ${JSON.stringify(container)} in pod ${JSON.stringify(metadata.name)} not found`);
  const waiting = found === undefined ? { reason: "ContainerCreating" } : found.state?.waiting;
  if (previous || waiting === undefined || found?.lastState?.terminated !== undefined) return;
  const pulling = /ImagePull/.test(waiting.reason ?? "");
  const why = pulling ? "trying and failing to pull image" : (waiting.reason ?? "ContainerCreating");
  throw badRequest(`container ${JSON.stringify(container)} in pod ${JSON.stringify(metadata.name)} is waiting to start: ${why}`);
}
