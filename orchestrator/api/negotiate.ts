/** Which form of the answer a client asks for: the object, a table for people, or metadata only. Spec: Kubernetes API concepts, "Receiving resources as Tables". */

export interface Representation {
  readonly as: "Object" | "Table" | "PartialObjectMetadata" | "PartialObjectMetadataList";
  /** What table rows carry. */
  readonly include: "Metadata" | "Object" | "None";
}

const known = ["Table", "PartialObjectMetadata", "PartialObjectMetadataList"] as const;

export function negotiate(accept: string | undefined, query: URLSearchParams): Representation {
  const wished = query.get("includeObject");
  const include = wished === "Object" || wished === "None" ? wished : "Metadata";
  for (const type of (accept ?? "").split(",")) {
    const [media = "", ...parameters] = type.split(";").map((part) => part.trim());
    const as = parameters.find((parameter) => parameter.startsWith("as="))?.slice(3);
    if (media === "application/json" && as === undefined) break;
    const form = known.find((name) => name === as);
    if (media === "application/json" && form !== undefined && parameters.includes("g=meta.k8s.io") && !parameters.includes("v=v1beta1"))
      return { as: form, include };
  }
  return { as: "Object", include };
}
