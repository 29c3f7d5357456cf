/** What happened to a repository, told from a request that was answered. Shape: distribution, "Notifications", events v1. */
import { randomUUID } from "node:crypto";
import type { Reply, Request } from "../../http/message.ts";
import { direct, type Peers } from "../../http/peers.ts";
import { isDigest } from "../../store/digest.ts";
import type { Call } from "./parts.ts";

export interface RegistryEvent {
  readonly id: string;
  readonly timestamp: string;
  readonly action: "pull" | "push" | "mount" | "delete";
  readonly target: {
    readonly repository: string;
    readonly digest?: string;
    readonly tag?: string;
    readonly mediaType?: string;
    /** Bytes. */
    readonly size?: number;
    readonly length?: number;
    readonly url?: string;
  };
  readonly request: { readonly id: string; readonly addr: string; readonly host: string; readonly method: string; readonly useragent: string };
  readonly actor: { readonly name?: string };
}

/** Must return at once. */
export type EventSink = (event: RegistryEvent) => void;

export interface Circumstances {
  readonly now: Date;
  readonly peers: Peers;
}

/** Undefined for a request that changed and fetched nothing whole. `path` is the route's, as `manifests/:reference`. */
export function eventOf(path: string, call: Call, reply: Reply, { now, peers }: Circumstances): RegistryEvent | undefined {
  const action = actionOf(path, call, reply);
  if (action === undefined) return undefined;
  const { request, grant, name } = call;
  const { headers, method } = request;
  return {
    id: randomUUID(),
    timestamp: now.toISOString(),
    action,
    target: targetOf(call, reply, { repository: name, isSecure: peers.isSecure(request) }),
    request: {
      id: randomUUID(),
      addr: addressOf(request, peers),
      host: headers.host ?? "",
      method,
      useragent: headers["user-agent"] ?? "",
    },
    actor: grant.user === undefined ? {} : { name: grant.user },
  };
}

/** With its port where it is known: a proxy tells none. */
function addressOf(request: Request, peers: Peers): string {
  const address = peers.address(request);
  const isOwn = address === direct.address(request);
  return isOwn ? `${request.socket?.remoteAddress ?? ""}:${request.socket?.remotePort ?? ""}` : address;
}

function actionOf(path: string, { request }: Call, { status }: Reply): RegistryEvent["action"] | undefined {
  const { method, query } = request;
  if (path === "manifests/:reference" || path === "blobs/:digest") {
    if (method === "GET") return status === 200 ? "pull" : undefined;
    if (method === "DELETE") return status === 202 ? "delete" : undefined;
  }
  if (status !== 201) return undefined;
  return method === "POST" && query.has("mount") ? "mount" : "push";
}

function targetOf(
  { request }: Call,
  { headers = {} }: Reply,
  { repository, isSecure }: { readonly repository: string; readonly isSecure: boolean },
): RegistryEvent["target"] {
  const reference = request.params["reference"] ?? request.params["digest"] ?? "";
  const digest = text(headers["docker-content-digest"]) ?? (isDigest(reference) ? reference : undefined);
  const tag = request.params["reference"] === undefined || isDigest(reference) ? undefined : reference;
  const sent = request.method === "GET" ? headers : request.headers;
  const [mediaType, size] = [text(sent["content-type"]), Number(sent["content-length"])];
  const path = text(headers["location"]) ?? request.path;
  return {
    repository,
    ...(digest === undefined ? {} : { digest, url: `${isSecure ? "https" : "http"}://${request.headers.host ?? ""}${path}` }),
    ...(tag === undefined ? {} : { tag }),
    ...(mediaType === undefined || request.method === "DELETE" ? {} : { mediaType }),
    ...(Number.isSafeInteger(size) && size > 0 ? { size, length: size } : {}),
  };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
