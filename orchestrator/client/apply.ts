/** Brings one object to what a manifest says, by server-side apply; a field that its kind does not have is refused. */
import type { Draft, KubeObject } from "../cluster.ts";
import { readObject } from "./answer.ts";
import type { KubeClient } from "./kube-client.ts";
import { pathOf, printedName, resourceOf } from "./paths.ts";

export interface Applied {
  /** `deployment.apps/web` */
  readonly name: string;
  readonly outcome: "created" | "configured" | "unchanged";
  readonly object: KubeObject;
}

/** One for all that we apply: what one manifest no longer says of an object that another made goes. */
const MANAGER = "strata";

export async function applyManifest(client: KubeClient, manifest: Draft, options: { readonly namespace: string; readonly dryRun?: boolean }): Promise<Applied> {
  const resource = resourceOf(manifest);
  const namespace = manifest.metadata.namespace ?? options.namespace;
  const name = manifest.metadata.name ?? "";
  const path = pathOf(resource, namespace, name);
  const before = await client.find(path);
  const query = `?fieldManager=${MANAGER}&force=true&fieldValidation=Strict${options.dryRun === true ? "&dryRun=All" : ""}`;
  const answer = await client.send({ method: "PATCH", path: `${path}${query}`, body: manifest, contentType: "application/apply-patch+yaml" });
  const object = readObject(answer);
  const same = before?.metadata.resourceVersion === object.metadata.resourceVersion;
  return { name: printedName(resource, name), outcome: before === undefined ? "created" : same ? "unchanged" : "configured", object };
}
