/** DELETE of an object and of a collection. */
import type { DeleteOptions } from "../cluster.ts";
import { success } from "../errors.ts";
import { remove } from "../objects/remove.ts";
import { isRecord } from "../schema/decode.ts";
import { apiVersionOf, nameOf } from "../schema/resource.ts";
import type { Reply } from "../../http/message.ts";
import { json } from "../../http/reply.ts";
import { readObject } from "./body.ts";
import { write, type Call } from "./call.ts";
import { checkDeleteOptions } from "./options.ts";
import { served } from "./represent.ts";
import { selectionOf } from "./selection.ts";

interface Asked {
  readonly options: DeleteOptions;
  readonly dryRun: boolean;
}

export async function deleteOne(call: Call): Promise<Reply> {
  const asked = await readOptions(call);
  const { resource, name = "" } = call.target;
  const { object, gone } = await write(call, (context) => remove(withDryRun(context, asked), asked.options));
  if (!gone) return json(200, served(resource, object));
  return json(200, success({ name, ...(resource.group !== "" && { group: resource.group }), kind: resource.resource, uid: object.metadata.uid }));
}

export async function deleteCollection(call: Call): Promise<Reply> {
  const asked = await readOptions(call);
  const { resource, namespace } = call.target;
  const selects = selectionOf(call.target, call.request.query);
  const items = await write(call, (context) => {
    const chosen = context.transaction.list(nameOf(resource), namespace === "" ? undefined : namespace).filter(selects);
    return chosen.map(
      ({ metadata }) => remove({ ...withDryRun(context, asked), namespace: metadata.namespace ?? "", name: metadata.name }, asked.options).object,
    );
  });
  return json(200, { kind: `${resource.kind}List`, apiVersion: apiVersionOf(resource), metadata: { resourceVersion: String(call.api.log.revision) }, items });
}

function withDryRun<T extends { readonly writer: { readonly dryRun: boolean } }>(context: T, { dryRun }: Asked): T {
  return dryRun ? { ...context, writer: { ...context.writer, dryRun } } : context;
}

/** Options come in the body, or in the query. */
async function readOptions({ request }: Call): Promise<Asked> {
  const { value } = await readObject(request);
  const body = isRecord(value) ? (value as Record<string, any>) : {};
  const { query } = request;
  checkDeleteOptions(body, query);
  const grace = body["gracePeriodSeconds"] ?? (query.has("gracePeriodSeconds") ? Number(query.get("gracePeriodSeconds")) : undefined);
  const orphan = body["orphanDependents"] ?? (query.has("orphanDependents") ? query.get("orphanDependents") === "true" : undefined);
  const policy = body["propagationPolicy"] ?? query.get("propagationPolicy") ?? (orphan === undefined ? undefined : orphan ? "Orphan" : "Background");
  const options = {
    ...(grace !== undefined && { gracePeriodSeconds: grace }),
    ...(policy !== undefined && { propagationPolicy: policy }),
    ...(body["preconditions"] !== undefined && { preconditions: body["preconditions"] }),
  };
  return { options, dryRun: [...(body["dryRun"] ?? []), ...query.getAll("dryRun")].includes("All") };
}
