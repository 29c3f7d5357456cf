/** What the pod tests share: an image of this machine's tools and node, manifests in a line, and waiting for what a pod becomes. */
import { strataOutput } from "../support/cli.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import type { TemporaryRoot } from "../support/root.ts";

export const IMAGE = "local/tools:v1";
const TOOLS =
  "sh,cat,sleep,echo,ls,id,env,stat,head,tail,mkdir,rm,touch,ps,kill,hostname,wc,dd,seq,readlink,ln,tar,cut,sort,date,grep,tty,stty,true,false,chmod,mount,cp,tr,expr,node";

export async function makeImage(root: TemporaryRoot): Promise<void> {
  await strataOutput(root, "base", "create", IMAGE, "--bin", TOOLS);
}

export async function podCluster(prepare: (root: TemporaryRoot) => Promise<void> = async () => {}): Promise<TestCluster> {
  return await TestCluster.start(async (root) => {
    await makeImage(root);
    await prepare(root);
  });
}

/** A container of the tools image that runs a shell script. */
export function sh(name: string, script: string, more: object = {}): object {
  return { name, image: IMAGE, command: ["sh", "-c", script], ...more };
}

/** A shell that ends at once when it is told to, and until then sleeps. */
export const IDLE = "trap 'exit 0' TERM; while :; do sleep 0.1; done";

export function pod(name: string, spec: object, metadata: object = {}): object {
  return { apiVersion: "v1", kind: "Pod", metadata: { name, ...metadata }, spec: { terminationGracePeriodSeconds: 2, ...spec } };
}

/** Waits until `check` is content with the pod, and returns it. */
export async function untilPod(cluster: TestCluster, name: string, check: (pod: any) => boolean, patience = 120_000): Promise<any> {
  return await eventually(async () => {
    const found = await cluster.get("pod", name);
    if (!check(found)) throw new Error(`pod ${name} is not as wanted: ${JSON.stringify(found.status, undefined, 1)}`);
    return found;
  }, patience);
}

export async function untilPhase(cluster: TestCluster, name: string, phase: string): Promise<any> {
  return await untilPod(cluster, name, ({ status }) => status.phase === phase);
}

export async function untilReady(cluster: TestCluster, name: string): Promise<any> {
  return await untilPod(cluster, name, ({ status }) => conditions({ status })["Ready"] === "True");
}

export function conditions({ status }: any): Readonly<Record<string, string>> {
  return Object.fromEntries((status.conditions ?? []).map((one: any) => [one.type, one.status]));
}

/** `Warning Unhealthy: Readiness probe failed: …`, as many as there are. */
export async function eventsOf(cluster: TestCluster, name: string): Promise<readonly string[]> {
  const { items } = await cluster.get("events", "--field-selector", `involvedObject.name=${name}`);
  return items.map(({ type, reason, message }: any) => `${type} ${reason}: ${message}`);
}

/**
 * Has pid 1 of a container end. What asks for it is a process of the same container, and gone with it (137). It asks more than once: until it has
 * set its trap, pid 1 does not hear.
 */
export async function endProgram(cluster: TestCluster, ...podAndContainer: readonly string[]): Promise<void> {
  await cluster.kubectl("exec", ...podAndContainer, "--", "sh", "-c", "while kill -TERM 1; do sleep 3; done").catch((error: unknown) => {
    if (!String(error).includes("exit code 137")) throw error;
  });
}
