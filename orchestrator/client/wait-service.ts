/** Waits until a Service of type LoadBalancer has its address; when it gets none, tells why. */
import { setTimeout as delay } from "node:timers/promises";
import { ClientError } from "./errors.ts";
import type { KubeClient } from "./kube-client.ts";
import { pathOf, resourceByWord } from "./paths.ts";

const PATIENCE_MS = 5000;
const LOOK_MS = 50;

/** The address. @throws {ClientError} `TIMED_OUT` with the last warning about the service */
export async function waitForAddress(client: KubeClient, namespace: string, name: string, signal: AbortSignal): Promise<string> {
  const path = pathOf(resourceByWord("services"), namespace, name);
  for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await delay(LOOK_MS, undefined, { signal })) {
    const service = await client.get({ path, signal });
    const address = service.status?.loadBalancer?.ingress?.[0]?.ip;
    if (address !== undefined) return address;
  }
  const selector = `involvedObject.kind=Service,involvedObject.name=${name},type=Warning`;
  const { items } = await client.list({ path: `${pathOf(resourceByWord("events"), namespace)}?fieldSelector=${encodeURIComponent(selector)}` });
  throw new ClientError("TIMED_OUT", `Cannot reach service ${name}: ${items.at(-1)?.["message"] ?? "it has no address"}`);
}
