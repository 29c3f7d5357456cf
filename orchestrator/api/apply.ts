/** PATCH with `application/apply-patch+yaml`: creates the object, or applies over what is there. */
import { apply } from "../apply/apply.ts";
import { keepTimes, parseManagers } from "../apply/managers.ts";
import type { KubeObject } from "../cluster.ts";
import { badRequest } from "../errors.ts";
import { change } from "../objects/change.ts";
import { create } from "../objects/create.ts";
import { withManagers } from "../objects/ownership.ts";
import type { WriteRequest } from "../objects/request.ts";
import { apiVersionOf, nameOf, type DecodedObject } from "../schema/resource.ts";
import type { Reply } from "../../http/message.ts";
import { json } from "../../http/reply.ts";
import { parseYaml, readBytes } from "./body.ts";
import { write, type Call } from "./call.ts";
import { negotiate } from "./negotiate.ts";
import { represent } from "./represent.ts";
import { checkObject, toStored, warningHeaders } from "./strictness.ts";

export async function applyPatch(call: Call): Promise<Reply> {
  const { request, target, api } = call;
  const { object, warnings } = checkObject(target.resource, { value: parseYaml((await readBytes(request)).toString()), duplicates: [] }, request.query);
  if (object.metadata.managedFields !== undefined) throw badRequest("metadata.managedFields must be nil");
  const force = request.query.get("force") === "true";
  const { stored, created } = await write(call, (context) => applyIn(context, toStored(target.resource, object), force, target.subresource));
  const shown = represent(target.resource, stored, negotiate(request.headers.accept, request.query), api.now());
  return json(created ? 201 : 200, shown, warningHeaders(warnings));
}

function applyIn(
  context: WriteRequest,
  applied: DecodedObject,
  force: boolean,
  subresource: string | undefined,
): { readonly stored: KubeObject; readonly created: boolean } {
  const { resource, namespace, name, transaction } = context;
  const there = transaction.get({ resource: nameOf(resource), namespace, name }) !== undefined;
  if (there || subresource !== undefined) {
    const stored = change(context, (current) => over(context, current, applied, force, subresource), {
      ...(subresource !== undefined && { subresource }),
      owned: true,
    });
    return { stored, created: false };
  }
  const bare = { apiVersion: apiVersionOf(resource), kind: resource.kind, metadata: { name, ...(namespace !== "" && { namespace }) } } as KubeObject;
  return { stored: create(context, over(context, bare, applied, force, undefined), { owned: true }), created: true };
}

function over({ resource, writer, now }: WriteRequest, live: KubeObject, applied: DecodedObject, force: boolean, subresource: string | undefined): KubeObject {
  const before = parseManagers(live.metadata.managedFields);
  const result = apply({
    type: resource.type,
    live,
    managers: before,
    applied,
    manager: writer.manager,
    apiVersion: apiVersionOf(resource),
    subresource,
    force,
    now,
  });
  const { resourceVersion = live.metadata.resourceVersion, uid = live.metadata.uid } = applied.metadata;
  const metadata = { ...result.object.metadata, ...(resourceVersion !== undefined && { resourceVersion }), ...(uid !== undefined && { uid }) };
  return withManagers({ ...result.object, metadata }, keepTimes(before, result.managers));
}
