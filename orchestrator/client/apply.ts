/** Brings one object to what a manifest says, by server-side apply. */
import type { Draft } from "../cluster.ts";
import type { KubeClient } from "./kube-client.ts";
import { pathOf, printedName, resourceOf } from "./paths.ts";

export interface Applied {
  /** `deployment.apps/web` */
  readonly name: string;
  readonly outcome: "created" | "configured" | "unchanged";
  readonly object: any;
}

export async function applyManifest(
  client: KubeClient,
  manifest: Draft,
  options: { readonly namespace: string; readonly manager: string; readonly dryRun?: boolean },
): Promise<Applied> {
  const resource = resourceOf(manifest);
  const namespace = manifest.metadata.namespace ?? options.namespace;
  const name = manifest.metadata.name ?? "";
  const path = pathOf(resource, namespace, name);
  const before = await client.find(path);
  const query = `?fieldManager=${options.manager}&force=true${options.dryRun === true ? "&dryRun=All" : ""}`;
  const object = await client.send({ method: "PATCH", path: `${path}${query}`, body: manifest, contentType: "application/apply-patch+yaml" });
  const same = before?.metadata.resourceVersion === object.metadata.resourceVersion;
  return { name: printedName(resource, name), outcome: before === undefined ? "created" : same ? "unchanged" : "configured", object };
}
