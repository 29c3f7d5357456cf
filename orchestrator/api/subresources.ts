/** Requests for a part of an object or an action on it, as rows by name. */
import { badRequest, noSuchResource, notAllowed, success } from "../errors.ts";
import { bindPod } from "../objects/bind.ts";
import type { Verb } from "../schema/resource.ts";
import type { Reply } from "../../http/message.ts";
import { json } from "../../http/reply.ts";
import { log } from "../stream/log.ts";
import { readObject } from "./body.ts";
import { write, type Call } from "./call.ts";
import { subresourcesOf } from "./discovery.ts";
import { evict } from "./eviction.ts";
import { current, get } from "./read.ts";
import { toScale } from "../objects/scale.ts";
import { requestToken } from "./access/token-request.ts";
import { patch, put } from "./update.ts";

type Action = (call: Call, verb: Verb) => Promise<Reply> | Reply;

/** @throws {ApiError} `NotFound`, `MethodNotAllowed` */
export async function subresource(call: Call, verb: Verb): Promise<Reply> {
  const { resource, subresource: name = "" } = call.target;
  const known = subresourcesOf(resource).find((one) => one.name === name);
  const action = actions[name];
  if (known === undefined || action === undefined) throw noSuchResource();
  if (!known.verbs.includes(verb)) throw notAllowed();
  return await action(call, verb);
}

/** A view of the object that is read and written like it. */
const part: Action = (call, verb) => (verb === "get" ? get(call) : verb === "update" ? put(call) : patch(call));

const actions: Readonly<Record<string, Action>> = {
  status: part,
  ephemeralcontainers: part,
  finalize: part,
  scale: (call, verb) => (verb === "get" ? json(200, toScale(call.target.resource, current(call))) : part(call, verb)),
  binding: bind,
  eviction: evict,
  token: requestToken,
  log,
  exec: upgradeOnly,
  attach: upgradeOnly,
  portforward: upgradeOnly,
};

async function bind(call: Call): Promise<Reply> {
  const { value } = await readObject(call.request);
  const node = (value as { readonly target?: { readonly name?: string } } | undefined)?.target?.name ?? "";
  await write(call, (context) => bindPod(context, node));
  return json(201, success(undefined, 201));
}

/** Served where connections are taken over (stream/upgrade.ts): here are only those who did not ask for that. */
function upgradeOnly(): never {
  throw badRequest("Upgrade request required");
}
