/** From a request to its reply: who asks, then discovery and documents, then the resource that the path means. */
import type { Handler, Reply } from "../../http/message.ts";
import { json, text } from "../../http/reply.ts";
import { noSuchResource, notAllowed } from "../errors.ts";
import type { Verb } from "../schema/resource.ts";
import { authenticate } from "./access/authenticate.ts";
import { authorize } from "./access/authorize.ts";
import { mediaType } from "./body.ts";
import type { Api, Call } from "./call.ts";
import { post } from "./create.ts";
import { deleteCollection, deleteOne } from "./delete.ts";
import { discover } from "./discovery.ts";
import { noDefinitions } from "./no-definitions.ts";
import { OpenApi } from "./openapi/openapi.ts";
import { OpenApiV2 } from "./openapi/openapi-v2.ts";
import { isMeasured, measure } from "./measure.ts";
import { get, list } from "./read.ts";
import { review } from "./access/reviews.ts";
import { checkOptions } from "./options.ts";
import { subresource } from "./subresources.ts";
import { parseTarget } from "./target.ts";
import { patch, put } from "./update.ts";
import { versionInfo } from "./version.ts";
import { watch } from "./watch/watch.ts";

export function createHandler(api: Api): Handler {
  const openApi = new OpenApi();
  const openApiV2 = new OpenApiV2();
  return async (request) => {
    const health = healthReply(request.path);
    if (health !== undefined) return health;
    const user = authenticate(request, api.checkToken);
    if (request.path === "/version" || request.path === "/version/") return json(200, versionInfo());
    const described = discover(request) ?? openApi.reply(request) ?? openApiV2.reply(request) ?? noDefinitions(request);
    if (described !== undefined) return described;
    const target = parseTarget(request.path);
    if (target === undefined) throw noSuchResource();
    return await dispatch({ api, request, target, user });
  };
}

/** Health needs no identity, as probes have none. */
function healthReply(path: string): Reply | undefined {
  return /^\/(healthz|livez|readyz)(\/|$)/.test(path) ? text(200, "ok") : undefined;
}

const handlers: Readonly<Record<Verb, (call: Call) => Promise<Reply> | Reply>> = {
  get,
  list,
  watch,
  create: post,
  update: put,
  patch,
  delete: deleteOne,
  deletecollection: deleteCollection,
};

async function dispatch(call: Call): Promise<Reply> {
  const { target } = call;
  const verb = verbOf(call);
  if (verb === undefined) throw notAllowed();
  const isQuestion = !target.resource.verbs.includes("get");
  if (!isAboutOneself(target.resource.kind)) authorize(call, verb);
  checkOptions(verb, call.request.query, mediaType(call.request) === "application/apply-patch+yaml");
  if (target.subresource !== undefined) return await subresource(call, verb);
  if (!target.resource.verbs.includes(verb)) throw notAllowed();
  if (isMeasured(target.resource)) return measure(call);
  return isQuestion ? await review(call) : await handlers[verb](call);
}

/** Everybody may ask what they may do themselves. */
function isAboutOneself(kind: string): boolean {
  return kind.startsWith("SelfSubject");
}

function verbOf({ request: { method, query }, target: { name, watch: oldWatch } }: Call): Verb | undefined {
  const one = name !== undefined;
  if (method === "GET" || method === "HEAD") return oldWatch || query.get("watch") === "true" || query.get("watch") === "1" ? "watch" : one ? "get" : "list";
  if (method === "POST") return "create";
  if (method === "PUT" && one) return "update";
  if (method === "PATCH" && one) return "patch";
  if (method === "DELETE") return one ? "delete" : "deletecollection";
  return undefined;
}
