/** PUT and PATCH: of an object, or of the view of it that a subresource is. */
import type { KubeObject } from "../cluster.ts";
import { change } from "../objects/change.ts";
import type { Reply } from "../../http/message.ts";
import { json } from "../../http/reply.ts";
import { applyPatch } from "./apply.ts";
import { mediaType, readObject } from "./body.ts";
import { write, type Call } from "./call.ts";
import { negotiate } from "./negotiate.ts";
import { refuseDeepValue } from "./nesting.ts";
import { readPatch } from "./patch.ts";
import { represent, served } from "./represent.ts";
import { fromScale, toScale } from "../objects/scale.ts";
import { checkObject, toStored, warningHeaders } from "./strictness.ts";

export async function put(call: Call): Promise<Reply> {
  const { request, target } = call;
  const body = await readObject(request);
  if (target.subresource === "scale") return await reply(call, [], (current) => fromScale(current, body.value));
  const { object, warnings } = checkObject(target.resource, body, request.query);
  return await reply(call, warnings, () => toStored(target.resource, object));
}

export async function patch(call: Call): Promise<Reply> {
  const { request, target } = call;
  if (mediaType(request) === "application/apply-patch+yaml" && target.subresource !== "scale") return await applyPatch(call);
  const apply = await readPatch(call);
  if (target.subresource === "scale")
    return await reply(call, [], (current) => fromScale(current, apply("autoscaling/v1.Scale", toScale(target.resource, current))));
  const warnings: string[] = [];
  return await reply(call, warnings, (current) => {
    const patched = apply(target.resource.type, served(target.resource, current));
    refuseDeepValue(patched); // patches can go down from what is there
    const checked = checkObject(target.resource, { value: patched, duplicates: [] }, request.query);
    warnings.splice(0, Infinity, ...checked.warnings);
    return toStored(target.resource, checked.object);
  });
}

async function reply(call: Call, warnings: readonly string[], make: (current: KubeObject) => unknown): Promise<Reply> {
  const { request, target, api } = call;
  const { subresource } = target;
  const options = subresource === undefined || subresource === "scale" ? {} : { subresource };
  const changed = await write(call, (context) => change(context, make, options));
  if (subresource === "scale") return json(200, toScale(target.resource, changed));
  return json(200, represent(target.resource, changed, negotiate(request.headers.accept, request.query), api.now()), warningHeaders(warnings));
}
