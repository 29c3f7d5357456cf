/** Nodes with what is promised on each: kept up by events, so that a decision reads no list of pods. */
import type { KubeObject, WatchEvent } from "../cluster.ts";
import { isTerminal } from "../controllers/pods.ts";
import { hostPorts, minus, parseAmounts, plus, podRequests, type Amounts, type HostPort } from "./requests.ts";

export interface NodeInfo {
  readonly node: KubeObject;
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

interface Load {
  requested: Amounts;
  pods: number;
  ports: readonly HostPort[];
}

export class Ledger {
  readonly #nodes = new Map<string, { readonly node: KubeObject; readonly allocatable: Amounts }>();
  readonly #loads = new Map<string, Load>();
  readonly #bookings = new Map<string, Booking>();

  get nodes(): readonly NodeInfo[] {
    return [...this.#nodes.values()].map(({ node, allocatable }) => ({ node, allocatable, ...this.#load(node.metadata.name) }));
  }

  onNode({ type, object }: WatchEvent): void {
    if (type === "DELETED") this.#nodes.delete(object.metadata.name);
    else this.#nodes.set(object.metadata.name, { node: object, allocatable: parseAmounts(object.status?.allocatable ?? object.status?.capacity ?? {}) });
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
    const load = this.#load(node);
    this.#loads.set(node, { requested: plus(load.requested, booking.requests), pods: load.pods + 1, ports: [...load.ports, ...booking.ports] });
  }

  /** Counts it nowhere any more. */
  forget(uid: string): void {
    const booking = this.#bookings.get(uid);
    if (booking === undefined) return;
    this.#bookings.delete(uid);
    const load = this.#load(booking.node);
    const ports = load.ports.filter((port) => !booking.ports.includes(port));
    this.#loads.set(booking.node, { requested: minus(load.requested, booking.requests), pods: load.pods - 1, ports });
  }

  #load(node: string): Load {
    return this.#loads.get(node) ?? { requested: {}, pods: 0, ports: [] };
  }
}
