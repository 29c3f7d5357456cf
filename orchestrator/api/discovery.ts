/** What the API offers, for clients that ask before they act: aggregated, and group by group. Spec: Kubernetes API concepts, "Discovery API". */
import { resources } from "../schema/resources.ts";
import { apiVersionOf, type Resource } from "../schema/resource.ts";
import type { Reply, Request } from "../../http/message.ts";
import { json } from "../../http/reply.ts";

interface Version {
  readonly group: string;
  readonly version: string;
  readonly resources: readonly Resource[];
}

const updatable = ["get", "patch", "update"];

export function groupVersions(): Version[] {
  const names = [...new Set(resources.map(apiVersionOf))];
  return names.map((name) => {
    const own = resources.filter((resource) => apiVersionOf(resource) === name);
    return { group: own[0]!.group, version: own[0]!.version, resources: own };
  });
}

/** Undefined when the path is none of discovery. */
export function discover({ path, headers }: Pick<Request, "path" | "headers">): Reply | undefined {
  const parts = path.split("/").filter((part) => part !== "");
  const versions = groupVersions();
  if (path === "/api" || path === "/apis" || path === "/api/" || path === "/apis/") return root(parts[0] === "api", versions, headers.accept ?? "");
  if (parts[0] === "api" && parts.length === 2) return resourceList(versions.find(({ group, version }) => group === "" && version === parts[1]));
  if (parts[0] !== "apis") return undefined;
  if (parts.length === 3) return resourceList(versions.find(({ group, version }) => group === parts[1] && version === parts[2]));
  const own = versions.filter(({ group }) => group === parts[1]);
  return parts.length === 2 && own.length > 0 ? json(200, { kind: "APIGroup", apiVersion: "v1", ...groupOf(own) }) : undefined;
}

function root(core: boolean, versions: readonly Version[], accept: string): Reply {
  const own = versions.filter(({ group }) => (group === "") === core);
  const aggregated = /g=apidiscovery\.k8s\.io;v=(v2|v2beta1);as=APIGroupDiscoveryList/.exec(accept)?.[1];
  if (aggregated !== undefined) {
    const body = { kind: "APIGroupDiscoveryList", apiVersion: `apidiscovery.k8s.io/${aggregated}`, metadata: {}, items: grouped(own).map(discoveryOf) };
    return json(200, body, { "content-type": `application/json;g=apidiscovery.k8s.io;v=${aggregated};as=APIGroupDiscoveryList` });
  }
  if (core) return json(200, { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] });
  return json(200, { kind: "APIGroupList", apiVersion: "v1", groups: grouped(own).map(groupOf) });
}

function grouped(versions: readonly Version[]): Version[][] {
  return [...new Set(versions.map(({ group }) => group))].map((group) => versions.filter((version) => version.group === group));
}

function groupOf(versions: readonly Version[]): Record<string, unknown> {
  const listed = versions.map(({ group, version }) => ({ groupVersion: apiVersionOf({ group, version }), version }));
  return { name: versions[0]!.group, versions: listed, preferredVersion: listed[0] };
}

function discoveryOf(versions: readonly Version[]): unknown {
  const named = versions[0]!.group === "" ? {} : { name: versions[0]!.group };
  return {
    metadata: { ...named, creationTimestamp: null },
    versions: versions.map(({ version, resources: own }) => ({ version, freshness: "Current", resources: own.map(aggregatedResource) })),
  };
}

function aggregatedResource(resource: Resource): unknown {
  const { group, version, kind } = resource;
  return {
    resource: resource.resource,
    responseKind: { group, version, kind },
    scope: resource.namespaced ? "Namespaced" : "Cluster",
    singularResource: resource.singular,
    verbs: resource.verbs,
    ...(resource.shortNames.length > 0 && { shortNames: resource.shortNames }),
    ...(resource.categories.length > 0 && { categories: resource.categories }),
    subresources: subresourcesOf(resource).map((sub) => ({
      subresource: sub.name,
      responseKind: { group: sub.group, version: sub.version, kind: sub.kind },
      verbs: sub.verbs,
    })),
  };
}

export function subresourcesOf({ kind, group, version, hasStatus, scales, subresources }: Resource): Resource["subresources"] {
  return [
    ...(hasStatus ? [{ name: "status", kind, group, version, verbs: updatable }] : []),
    ...(scales ? [{ name: "scale", kind: "Scale", group: "autoscaling", version: "v1", verbs: updatable }] : []),
    ...subresources,
  ];
}

function resourceList(version: Version | undefined): Reply | undefined {
  if (version === undefined) return undefined;
  const rows = version.resources.flatMap((resource) => [legacyResource(resource), ...subresourcesOf(resource).map((sub) => legacySubresource(resource, sub))]);
  return json(200, { kind: "APIResourceList", apiVersion: "v1", groupVersion: apiVersionOf(version), resources: rows });
}

function legacyResource({ resource, singular, namespaced, kind, verbs, shortNames, categories }: Resource): unknown {
  return {
    name: resource,
    singularName: singular,
    namespaced,
    kind,
    verbs,
    ...(shortNames.length > 0 && { shortNames }),
    ...(categories.length > 0 && { categories }),
  };
}

function legacySubresource({ resource, namespaced, group, version }: Resource, sub: Resource["subresources"][number]): unknown {
  const foreign = sub.group !== group || sub.version !== version;
  return {
    name: `${resource}/${sub.name}`,
    singularName: "",
    namespaced,
    ...(foreign && { group: sub.group, version: sub.version }),
    kind: sub.kind,
    verbs: sub.verbs,
  };
}
