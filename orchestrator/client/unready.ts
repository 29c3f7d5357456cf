/** Why a rollout will not end: its pods run and are not ready, for their probe asks where nobody listens. */
import type { KubeObject } from "../cluster.ts";
import type { KubeClient } from "./kube-client.ts";
import { pathOf, resourceByWord } from "./paths.ts";

export interface Probed {
  /** The image of the pods that are meant. */
  readonly image: string;
  /** What their readiness probe asks. */
  readonly port: number;
  /** What the image says that it listens at; undefined when it is not known. */
  readonly exposed: readonly number[] | undefined;
}

/** What asks elsewhere than the image says is not waited for longer than a start takes. */
const ELSEWHERE_MS = 10_000;
const UNSAID_MS = 60_000;

/** Milliseconds that such a pod is given; an image that names the port may take as long as it likes. */
export function patienceFor({ port, exposed }: Probed): number {
  if (exposed?.includes(port) === true) return Number.POSITIVE_INFINITY;
  return exposed === undefined || exposed.length === 0 ? UNSAID_MS : ELSEWHERE_MS;
}

/** One that has run for longer without being ready. Decides, and does nothing. */
export function stuckPod(pods: readonly KubeObject[], probed: Probed, now: number): KubeObject | undefined {
  const patience = patienceFor(probed);
  return pods.find(({ metadata, spec, status }) => {
    const [container] = spec.containers as readonly {
      readonly image: string;
      readonly readinessProbe?: { readonly tcpSocket?: { readonly port?: unknown } };
    }[];
    if (metadata.deletionTimestamp !== undefined || container?.image !== probed.image || container.readinessProbe?.tcpSocket?.port !== probed.port)
      return false;
    const [state] = (status?.containerStatuses ?? []) as readonly {
      readonly ready?: boolean;
      readonly state?: { readonly running?: { readonly startedAt: string } };
    }[];
    const since = state?.state?.running?.startedAt;
    return state?.ready === false && since !== undefined && now - Date.parse(since) > patience;
  });
}

/** What to tell of it; undefined while its probe has not failed. */
export async function whyStuck(client: KubeClient, pods: readonly KubeObject[], probed: Probed, now: number): Promise<string | undefined> {
  const pod = stuckPod(pods, probed, now);
  if (pod === undefined) return undefined;
  const { name, namespace = "default" } = pod.metadata;
  const selector = `involvedObject.kind=Pod,involvedObject.name=${name},type=Warning`;
  const { items } = await client.list({ path: `${pathOf(resourceByWord("events"), namespace)}?fieldSelector=${encodeURIComponent(selector)}` });
  const failure = items.findLast((event) => event["reason"] === "Unhealthy")?.["message"];
  return failure === undefined ? undefined : `pod ${name} runs but is not ready: ${failure}`;
}

/** What to do about it. */
export function portHint({ image, port, exposed = [] }: Probed, host: number): string {
  if (exposed.length === 0) return `Nobody listens at ${port}, and ${image} EXPOSEs no port: give the one it listens at as --port ${host}:CONTAINER`;
  if (exposed.includes(port)) return `${image} EXPOSEs ${exposed.join(", ")}`;
  return `${image} EXPOSEs ${exposed.join(", ")}: try --port ${host}:${exposed[0]}`;
}
