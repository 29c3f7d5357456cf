/** GET of one object and of collections: a page at a revision. Spec: Kubernetes API concepts, "Retrieving large results sets in chunks". */
import type { KubeObject } from "../cluster.ts";
import { ApiError, badRequest, notFound } from "../errors.ts";
import { keyOf, State } from "../log/state.ts";
import type { ObjectLog } from "../log/object-log.ts";
import { nameOf } from "../schema/resource.ts";
import type { Reply } from "../../http/message.ts";
import { json } from "../../http/reply.ts";
import type { Call } from "./call.ts";
import { negotiate } from "./negotiate.ts";
import { represent, representList } from "./represent.ts";
import { selectionOf } from "./selection.ts";

export function current({ api, target }: Pick<Call, "api" | "target">): KubeObject {
  const { resource, namespace, name = "" } = target;
  const object = api.log.get({ resource: nameOf(resource), namespace, name });
  if (object === undefined) throw notFound(resource, name);
  return object;
}

export function get(call: Call): Reply {
  const representation = negotiate(call.request.headers.accept, call.request.query);
  return json(200, represent(call.target.resource, current(call), representation, call.api.now()));
}

interface Page {
  readonly items: readonly KubeObject[];
  readonly revision: number;
  readonly continue?: string;
  readonly remaining?: number;
}

export function list(call: Call): Reply {
  const { api, target, request } = call;
  const page = pageOf(call);
  const metadata = {
    resourceVersion: String(page.revision),
    ...(page.continue !== undefined && { continue: page.continue }),
    ...(page.remaining !== undefined && { remainingItemCount: page.remaining }),
  };
  const representation = negotiate(request.headers.accept, request.query);
  return json(200, representList(target.resource, page.items, metadata, representation, api.now()));
}

/** @throws {ApiError} `Expired` when the page belongs to a list whose revision is compacted away */
function pageOf({ api, target, request }: Call): Page {
  const { query } = request;
  const token = query.get("continue");
  const start = token === null || token === "" ? undefined : parseToken(token);
  const exact = start?.revision ?? (query.get("resourceVersionMatch") === "Exact" ? Number(query.get("resourceVersion")) : undefined);
  const revision = exact ?? api.log.revision;
  const selects = selectionOf(target, query);
  const all = objectsAt(api.log, nameOf(target.resource), target.namespace, revision).filter(selects);
  const rest = start === undefined ? all : all.filter((object) => position(object) > start.after);
  const limit = Number(query.get("limit") ?? 0);
  if (!(limit > 0) || rest.length <= limit) return { items: rest, revision };
  const items = rest.slice(0, limit);
  const filtered = (query.get("labelSelector") ?? "") !== "" || (query.get("fieldSelector") ?? "") !== "";
  return { items, revision, continue: formatToken(revision, position(items.at(-1)!)), ...(!filtered && { remaining: rest.length - limit }) };
}

/** The collection as it was: the newest one with the changes since undone. */
function objectsAt(log: ObjectLog, resource: string, namespace: string, revision: number): readonly KubeObject[] {
  const scope = namespace === "" ? undefined : namespace;
  if (revision >= log.revision) return log.list(resource, scope);
  const changes = log.changesSince(revision).filter(({ key }) => key.resource === resource);
  if (changes.length === 0) return log.list(resource, scope);
  const state = new State();
  for (const object of log.list(resource)) state.apply({ key: keyOf(resource, object), object });
  for (const { key, previous } of changes.toReversed()) state.apply({ key, object: previous });
  return state.list(resource, scope);
}

/** Sorts as the log lists: namespace, then name. */
function position({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ""}\0${metadata.name}`;
}

function formatToken(revision: number, after: string): string {
  return Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv: revision, start: after })).toString("base64url");
}

function parseToken(token: string): { readonly revision: number; readonly after: string } {
  try {
    const { rv, start } = JSON.parse(Buffer.from(token, "base64url").toString()) as { readonly rv: number; readonly start: string };
    if (Number.isInteger(rv) && typeof start === "string") return { revision: rv, after: start };
  } catch (error) {
    throw new ApiError("BadRequest", "continue key is not valid", undefined, error);
  }
  throw badRequest("continue key is not valid");
}
