/** There are no custom resources here. kubectl asks for their definitions when a manifest's kind is unknown, and says which kind that is once it hears so. */
import type { Reply, Request } from "../../http/message.ts";
import { json } from "../../http/reply.ts";

const GROUP_VERSION = "apiextensions.k8s.io/v1";

/** Undefined when the request is another one. */
export function noDefinitions({ method, path }: Pick<Request, "method" | "path">): Reply | undefined {
  if (method !== "GET" || path !== `/apis/${GROUP_VERSION}/customresourcedefinitions`) return undefined;
  return json(200, { kind: "CustomResourceDefinitionList", apiVersion: GROUP_VERSION, metadata: { resourceVersion: "0" }, items: [] });
}
