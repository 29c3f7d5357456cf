/** The labels by which a node agent knows its containers again after a restart: those of the Kubernetes runtime interface. */
import type { Container } from "../../runtime/engine.ts";
import type { KubeObject } from "../cluster.ts";
import type { ContainerSpec } from "./pod-spec.ts";

const POD_NAME = "io.kubernetes.pod.name";
const POD_NAMESPACE = "io.kubernetes.pod.namespace";
const POD_UID = "io.kubernetes.pod.uid";
const CONTAINER = "io.kubernetes.container.name";
const ATTEMPT = "io.kubernetes.container.restartCount";
const BACKOFF = "strata.container.backoff";
const IMAGE = "strata.container.image";

export interface InstanceName {
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly container: string;
  readonly attempt: number;
  /** Milliseconds. */
  readonly backoff: number;
  readonly image: string;
}

export function instanceLabels({
  pod,
  container,
  attempt,
  backoff,
}: {
  readonly pod: KubeObject;
  readonly container: Pick<ContainerSpec, "name" | "image">;
  readonly attempt: number;
  readonly backoff: number;
}): Readonly<Record<string, string>> {
  return {
    [POD_NAME]: pod.metadata.name,
    [POD_NAMESPACE]: pod.metadata.namespace ?? "",
    [POD_UID]: pod.metadata.uid,
    [CONTAINER]: container.name,
    [ATTEMPT]: String(attempt),
    [BACKOFF]: String(backoff),
    [IMAGE]: container.image,
  };
}

/** Undefined for a container that is no pod's. */
export function readLabels({ record }: Container): InstanceName | undefined {
  const labels = record.options.labels ?? {};
  const uid = labels[POD_UID];
  const container = labels[CONTAINER];
  if (uid === undefined || container === undefined) return undefined;
  return {
    pod: { namespace: labels[POD_NAMESPACE] ?? "", name: labels[POD_NAME] ?? "", uid },
    container,
    attempt: Number(labels[ATTEMPT] ?? 0),
    backoff: Number(labels[BACKOFF] ?? 0),
    image: labels[IMAGE] ?? "",
  };
}
