/** Nodes with what is promised on each: kept up by events, so that a decision reads no list of pods. */
import type { KubeObject, WatchEvent } from "../cluster.ts";
import { isTerminal } from "../controllers/pods.ts";
import { hostPorts, minus, parseAmounts, plus, podRequests, type Amounts, type HostPort } from "./requests.ts";
import type { Taint } from "./taints.ts";

/** What decisions ask of every node lies ready here: a pod is held against all of them. */
export interface NodeInfo {
  readonly node: KubeObject;
  readonly cordoned: boolean;
  readonly taints: readonly Taint[];
  readonly allocatable: Amounts;
  readonly requested: Amounts;
  readonly pods: number;
  readonly ports: readonly HostPort[];
}

interface Booking {
  readonly node: string;
  readonly requests: Amounts;
  readonly ports: readonly HostPort[];
}

type Load = Pick<NodeInfo, "requested" | "pods" | "ports">;

const NO_LOAD: Load = { requested: {}, pods: 0, ports: [] };

export class Ledger {
  readonly #infos = new Map<string, NodeInfo>();
  /** Also of nodes that are not known yet, or no more. */
  readonly #loads = new Map<string, Load>();
  readonly #bookings = new Map<string, Booking>();

  get nodes(): readonly NodeInfo[] {
    return [...this.#infos.values()];
  }

  onNode({ type, object }: WatchEvent): void {
    const { name } = object.metadata;
    if (type === "DELETED") this.#infos.delete(name);
    else this.#infos.set(name, infoOf(object, this.#loads.get(name) ?? NO_LOAD));
  }

  onPod({ type, object }: WatchEvent): void {
    if (type === "DELETED" || isTerminal(object)) this.forget(object.metadata.uid);
    else if (object.spec.nodeName) this.assume(object, object.spec.nodeName);
  }

  /** Counts the pod on the node; idempotent. */
  assume(pod: KubeObject, node: string): void {
    if (this.#bookings.get(pod.metadata.uid)?.node === node) return;
    this.forget(pod.metadata.uid);
    const booking = { node, requests: podRequests(pod), ports: hostPorts(pod) };
    this.#bookings.set(pod.metadata.uid, booking);
    const load = this.#loads.get(node) ?? NO_LOAD;
    this.#put(node, { requested: plus(load.requested, booking.requests), pods: load.pods + 1, ports: [...load.ports, ...booking.ports] });
  }

  /** Counts it nowhere any more. */
  forget(uid: string): void {
    const booking = this.#bookings.get(uid);
    if (booking === undefined) return;
    this.#bookings.delete(uid);
    const load = this.#loads.get(booking.node) ?? NO_LOAD;
    const ports = load.ports.filter((port) => !booking.ports.includes(port));
    this.#put(booking.node, { requested: minus(load.requested, booking.requests), pods: load.pods - 1, ports });
  }

  #put(node: string, load: Load): void {
    this.#loads.set(node, load);
    const info = this.#infos.get(node);
    if (info !== undefined) this.#infos.set(node, { ...info, ...load });
  }
}

function infoOf(node: KubeObject, load: Load): NodeInfo {
  return {
    node,
    cordoned: node.spec?.unschedulable === true,
    taints: node.spec?.taints ?? [],
    allocatable: parseAmounts(node.status?.allocatable ?? node.status?.capacity ?? {}),
    ...load,
  };
}
