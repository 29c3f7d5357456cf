/**
 * What one look at a StatefulSet, its pods and its claims asks for. Decides, and does nothing.
 * First every ordinal gets its pod, then what is beyond them goes, then old pods make room for new ones. Spec: Kubernetes documentation, "StatefulSets".
 */
import type { Draft, KubeObject } from "../../cluster.ts";
import { isTerminal } from "../pods.ts";
import { claimNames, draftClaims, isStale, retained, type Holder } from "./claims.ts";
import { draftMember, podName, startOf, withIdentity, type Revision } from "./identity.ts";
import { isHealthy, isSettled, isTerminating, sortMembers, type Member, type Standing } from "./members.ts";
import { outdated } from "./rolling.ts";

export type Action =
  /** Claims first: a pod without them could not start. */
  | { readonly kind: "create"; readonly pod: Draft; readonly claims: readonly Draft[] }
  | { readonly kind: "claim"; readonly pod: KubeObject; readonly claims: readonly Draft[] }
  /** The pod cannot be made while this claim is on its way out. */
  | { readonly kind: "refuse"; readonly pod: string; readonly claim: string }
  | { readonly kind: "delete"; readonly pod: KubeObject }
  | { readonly kind: "identify"; readonly pod: KubeObject }
  | { readonly kind: "own"; readonly claim: KubeObject };

export interface World {
  /** Of the set. */
  readonly pods: readonly KubeObject[];
  /** Of its namespace. */
  readonly claims: readonly KubeObject[];
  /** What its pods had before the present rollout. */
  readonly current: Revision;
  readonly update: Revision;
}

/** In the order in which they are to be done. */
export function planStatefulSet(set: KubeObject, world: World, now: number): readonly Action[] {
  const planner = new Planner(set, world, now);
  planner.plan();
  return planner.actions;
}

class Planner {
  readonly actions: Action[] = [];
  readonly #set: KubeObject;
  readonly #world: World;
  readonly #now: number;
  readonly #claims: ReadonlyMap<string, KubeObject>;
  /** One at a time, each when those before it are well. */
  readonly #ordered: boolean;

  constructor(set: KubeObject, world: World, now: number) {
    this.#set = set;
    this.#world = world;
    this.#now = now;
    this.#claims = new Map(world.claims.map((claim) => [claim.metadata.name, claim]));
    this.#ordered = set.spec.podManagementPolicy !== "Parallel";
  }

  plan(): void {
    const { wanted, condemned } = sortMembers(this.#set, this.#world.pods);
    for (const member of wanted) if (this.#keep(member) && this.#ordered) return;
    for (const member of condemned) this.#retain(member, true);
    const lowestUnhealthy = condemned.findLast(({ pod }) => !isHealthy(pod));
    for (const member of condemned) {
      this.#condemn(member, lowestUnhealthy);
      if (this.#ordered) return;
    }
    for (const pod of outdated(this.#set, wanted, this.#world.update.name)) this.actions.push({ kind: "delete", pod });
  }

  /** True while the ordinals after this one must wait. */
  #keep({ ordinal, pod }: Member): boolean {
    if (pod === undefined) return this.#create(ordinal);
    if (isTerminal(pod)) {
      if (!isTerminating(pod)) this.actions.push({ kind: "delete", pod });
      return true;
    }
    if (pod.status?.phase === "Pending") this.#claim({ ordinal, pod });
    if (this.#ordered && !isSettled(pod, this.#set.spec.minReadySeconds ?? 0, this.#now)) return true;
    const identified = withIdentity(pod, ordinal);
    if (identified !== pod) this.actions.push({ kind: "identify", pod: identified });
    this.#retain({ ordinal, pod }, false);
    return false;
  }

  #create(ordinal: number): true {
    const holder: Holder = { name: podName(this.#set, ordinal), condemned: false };
    const claims = this.#claimsOf(ordinal);
    if (claims.some((claim) => isStale(claim, holder))) return true;
    const going = claims.find((claim) => claim.metadata.deletionTimestamp !== undefined);
    if (going !== undefined) {
      this.actions.push({ kind: "refuse", pod: holder.name, claim: going.metadata.name });
      return true;
    }
    const pod = draftMember(this.#set, this.#revisionFor(ordinal), ordinal);
    this.actions.push({ kind: "create", pod, claims: draftClaims(this.#set, ordinal, this.#claims, holder) });
    this.#own(claims, holder);
    return true;
  }

  /** A pod that waits may wait for a claim that was lost. */
  #claim({ ordinal, pod }: Standing): void {
    const claims = draftClaims(this.#set, ordinal, this.#claims, { name: pod.metadata.name, pod, condemned: false });
    if (claims.length > 0) this.actions.push({ kind: "claim", pod, claims });
  }

  /** In order, an unhealthy pod goes only when those below it are well. */
  #condemn({ ordinal, pod }: Standing, lowestUnhealthy: Standing | undefined): void {
    if (isTerminating(pod)) return;
    const well = isSettled(pod, this.#set.spec.minReadySeconds ?? 0, this.#now);
    if (!this.#ordered || well || ordinal === lowestUnhealthy?.ordinal) this.actions.push({ kind: "delete", pod });
  }

  #retain({ ordinal, pod }: Standing, condemned: boolean): void {
    this.#own(this.#claimsOf(ordinal), { name: pod.metadata.name, pod, condemned });
  }

  #own(claims: readonly KubeObject[], holder: Holder): void {
    for (const claim of claims) {
      const owned = retained(this.#set, claim, holder);
      if (owned !== claim && claim.metadata.deletionTimestamp === undefined) this.actions.push({ kind: "own", claim: owned });
    }
  }

  #claimsOf(ordinal: number): readonly KubeObject[] {
    return claimNames(this.#set, ordinal).flatMap((name) => this.#claims.get(name) ?? []);
  }

  /** Below the partition pods stay with the revision from before the rollout. */
  #revisionFor(ordinal: number): Revision {
    const { spec, status } = this.#set;
    const { type, rollingUpdate } = spec.updateStrategy ?? {};
    const kept = rollingUpdate === undefined ? (type === "OnDelete" ? 0 : (status?.currentReplicas ?? 0)) : (rollingUpdate.partition ?? 0);
    return ordinal < startOf(spec) + kept ? this.#world.current : this.#world.update;
  }
}
