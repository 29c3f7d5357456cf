/** Which container of a pod a request means. */
import type { KubeObject } from "../cluster.ts";
import { badRequest } from "../errors.ts";

const DEFAULT_ANNOTATION = "kubectl.kubernetes.io/default-container";

/** @throws {ApiError} `BadRequest` when the pod has no such container, or several and `strict` asks for a name */
export function chooseContainer({ metadata, spec }: KubeObject, asked: string | undefined, strict = false): string {
  const names: string[] = [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])].map(
    ({ name }: { readonly name: string }) => name,
  );
  if (asked !== undefined && asked !== "") {
    if (!names.includes(asked)) throw badRequest(`container ${asked} is not valid for pod ${metadata.name}`);
    return asked;
  }
  const annotated = metadata.annotations?.[DEFAULT_ANNOTATION];
  if (annotated !== undefined && names.includes(annotated)) return annotated;
  if (strict && spec.containers.length > 1) {
    throw badRequest(
      `a container name must be specified for pod ${metadata.name}, choose one of: [${spec.containers.map(({ name }: { readonly name: string }) => name).join(" ")}]`,
    );
  }
  return spec.containers[0].name;
}
