/** POST of an object to its collection. */
import type { Draft } from "../cluster.ts";
import { badRequest } from "../errors.ts";
import { create } from "../objects/create.ts";
import type { Reply } from "../../http/message.ts";
import { json } from "../../http/reply.ts";
import { readObject } from "./body.ts";
import { write, type Call } from "./call.ts";
import { negotiate } from "./negotiate.ts";
import { represent } from "./represent.ts";
import { checkObject, toStored, warningHeaders } from "./strictness.ts";

export async function post(call: Call): Promise<Reply> {
  const { request, target, api } = call;
  const { resource, namespace } = target;
  const { object, warnings } = checkObject(resource, await readObject(request), request.query);
  const asked = object.metadata.namespace ?? "";
  if (resource.namespaced && namespace === "") throw badRequest("an empty namespace may not be set during creation");
  if (asked !== "" && asked !== namespace) throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  const created = await write(call, (context) => create(context, toStored(resource, object) as Draft));
  return json(201, represent(resource, created, negotiate(request.headers.accept, request.query), api.now()), warningHeaders(warnings));
}
